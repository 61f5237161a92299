"""Threads that want the interpreter's lock all the time, and code of C that does not let go of it."""
import re
import sys
import threading
import time

SECONDS = float(sys.argv[1])
computed = {}
slept = []


def compute():
    """Has the lock whenever it has a CPU."""
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        sum(range(300))
    computed[threading.current_thread().name] = time.thread_time_ns()


def starve():
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        start = time.monotonic_ns()
        time.sleep(0.01)
        slept.append(time.monotonic_ns() - start - 10_000_000)


def run(*threads):
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


run(
    threading.Thread(target=compute, name="first"),
    threading.Thread(target=compute, name="second"),
    threading.Thread(target=starve, name="starved"),
)
for name, time_ns in computed.items():
    print(name, time_ns)
# Each sleep is followed by a wait for the lock.
print("sleeps", len(slept))
print("starved", sum(slept))
print("starved_longest", max(slept))

asked = threading.Event()
waited = 0


def never_let_go():
    global matched
    asked.wait()
    start = time.monotonic_ns()
    re.match("(a+)+b", "a" * 23)
    matched = time.monotonic_ns() - start


def ask():
    global waited
    asked.set()
    while "matched" not in globals():
        start = time.monotonic_ns()
        time.sleep(0.001)
        waited = max(waited, time.monotonic_ns() - start)


run(threading.Thread(target=never_let_go, name="greedy"), threading.Thread(target=ask, name="patient"))
print("matched", matched)
print("patient", waited)
