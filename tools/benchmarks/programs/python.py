"""What is done over and over in the benchmark of Python: prints nanoseconds for each operation, by rounds.

    python.py WHAT COUNT ROUNDS
"""
import sys
import time


def gil(count):
    """A system call: the interpreter's lock is dropped for it and taken again."""
    import os

    file, write = os.open("/dev/null", os.O_WRONLY), os.write
    start = time.perf_counter_ns()
    for _ in range(count):
        write(file, b"x")
    return time.perf_counter_ns() - start


def lock(count):
    import threading

    one = threading.Lock()
    acquire, release = one.acquire, one.release
    start = time.perf_counter_ns()
    for _ in range(count):
        acquire()
        release()
    return time.perf_counter_ns() - start


def queue(count):
    import queue as module

    one = module.Queue()
    put, get = one.put, one.get
    start = time.perf_counter_ns()
    for _ in range(count):
        put(None)
        get()
    return time.perf_counter_ns() - start


def simple_queue(count):
    import queue as module

    one = module.SimpleQueue()
    put, get = one.put, one.get
    start = time.perf_counter_ns()
    for _ in range(count):
        put(None)
        get()
    return time.perf_counter_ns() - start


def task(count):
    import asyncio

    async def steps():
        start = time.perf_counter_ns()
        for _ in range(count):
            await asyncio.sleep(0)
        return time.perf_counter_ns() - start

    return asyncio.run(steps())


def switch(count):
    import greenlet

    def other():
        back = greenlet.getcurrent().parent.switch
        while True:
            back()

    to = greenlet.greenlet(other).switch
    to()
    start = time.perf_counter_ns()
    for _ in range(count // 2):
        to()
    return time.perf_counter_ns() - start


def main():
    what, count, rounds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    for _ in range(rounds):
        print(globals()[what](count) / count)


main()
