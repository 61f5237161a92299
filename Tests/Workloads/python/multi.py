"""What programs of several processes share: they say what they measured, and wait until another sleeps."""
import sys
import time


def say(name, value):
    sys.stdout.write(f"{name} {value}\n")
    sys.stdout.flush()


def is_asleep(pid):
    with open(f"/proc/{pid}/stat") as file:
        return file.read().rsplit(")", 1)[1].split()[0] == "S"


def until_asleep(pid):
    while not is_asleep(pid):
        time.sleep(0.0002)


def keep_waiting(pid):
    """Returns when another sleeps and 20 ms are over, with how long it has slept at least."""
    until_asleep(pid)
    start = time.monotonic_ns()
    time.sleep(0.02)
    return time.monotonic_ns() - start


class Measure:
    """Sums up what calls take; `once` times one."""

    def __init__(self):
        self.times = {}

    def once(self, name, call, *arguments):
        start = time.monotonic_ns()
        result = call(*arguments)
        self.add(name, time.monotonic_ns() - start)
        return result

    def add(self, name, nanoseconds):
        self.times[name] = self.times.get(name, 0) + nanoseconds

    def say(self):
        for name, value in self.times.items():
            say(name, value)
