"""A service of sorts: four tasks with a queue, work in threads that share a lock, and a line that blocks."""
import asyncio
import threading
import time

cache_lock = threading.Lock()


def load(key):
    with cache_lock:
        time.sleep(0.05)
    return key


async def handle(number, jobs):
    while True:
        job = await jobs.get()
        if job is None:
            return
        await asyncio.to_thread(load, job)
        if job % 10 == 0:
            time.sleep(0.15)  # blocks the loop


async def main():
    jobs = asyncio.Queue(4)
    workers = [asyncio.create_task(handle(n, jobs)) for n in range(4)]
    for job in range(40):
        await jobs.put(job)
    for _ in workers:
        await jobs.put(None)
    await asyncio.gather(*workers)


asyncio.run(main())
