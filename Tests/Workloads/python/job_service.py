"""A service whose numbers are known: tasks that take jobs from a queue, a lock of theirs, processes and threads.

Four tasks handle 40 jobs: each asks upstream, one at a time, has a number crunched by one of two child processes,
and books it in a thread, under a lock that is kept for 4 ms. What the program counted and timed itself it prints.
"""
import asyncio
import os
import threading
import time
from concurrent.futures import ProcessPoolExecutor

HANDLERS, JOBS, CHILDREN = 4, 40, 2

ledger_lock = threading.Lock()
ledger = []
waited = 0
held = 0


def crunch(job):
    """In a child: computes for 5 ms of its CPU; returns who did it and how long."""
    start = time.process_time_ns()
    while time.process_time_ns() - start < 5_000_000:
        job * job
    return os.getpid(), time.process_time_ns() - start


def book(job):
    """In a thread: one at a time."""
    global waited, held
    asked = time.monotonic_ns()
    with ledger_lock:
        start = time.monotonic_ns()
        time.sleep(0.004)
        ledger.append(job)
        waited += start - asked
        held += time.monotonic_ns() - start


async def handle(jobs, upstream, pool, results):
    loop = asyncio.get_running_loop()
    while True:
        job = await jobs.get()
        if job is None:
            return
        async with upstream:
            await asyncio.sleep(0.002)
        results.append(await loop.run_in_executor(pool, crunch, job))
        await asyncio.to_thread(book, job)


async def main():
    jobs = asyncio.Queue(HANDLERS)
    upstream = asyncio.Lock()
    results = []
    with ProcessPoolExecutor(CHILDREN) as pool:
        handlers = [asyncio.create_task(handle(jobs, upstream, pool, results)) for _ in range(HANDLERS)]
        for job in range(JOBS):
            await jobs.put(job)
        for _ in handlers:
            await jobs.put(None)
        await asyncio.gather(*handlers)
    return results


if __name__ == "__main__":
    results = asyncio.run(main())
    print("jobs", len(results))
    print("booked", len(ledger))
    print("children", len({pid for pid, _ in results}))
    print("crunched", sum(ns for _, ns in results))
    print("waited", waited)
    print("held", held)
