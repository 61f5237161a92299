"""Tasks that wait for locks, semaphores, events, conditions, queues and each other, and measure it."""
import asyncio
import sys
import time

if "uvloop" in sys.argv:
    import uvloop

    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())

times = {}
counts = {}
DELAY = 0.004


class measured:
    """Adds what a block takes, under a name."""

    def __init__(self, name):
        self.name = name

    def __enter__(self):
        self.start = time.monotonic_ns()

    def __exit__(self, *unused):
        times[self.name] = times.get(self.name, 0) + time.monotonic_ns() - self.start
        counts[self.name] = counts.get(self.name, 0) + 1


async def lock_waiter(lock):
    with measured("lock"):
        await lock.acquire()
    start = time.monotonic_ns()
    await asyncio.sleep(DELAY)
    times["held"] = times.get("held", 0) + time.monotonic_ns() - start
    lock.release()


async def use_lock():
    lock = asyncio.Lock()
    async with lock:
        tasks = [asyncio.ensure_future(lock_waiter(lock)) for _ in range(4)]
        await asyncio.sleep(DELAY)
    await asyncio.gather(*tasks)
    # Nobody waits for it.
    for _ in range(5):
        async with lock:
            pass
    print("lock_acquisitions", 10)


async def semaphore_waiter(semaphore):
    with measured("semaphore"):
        await semaphore.acquire()
    await asyncio.sleep(DELAY)
    semaphore.release()


async def use_semaphore():
    semaphore = asyncio.BoundedSemaphore(3)
    for _ in range(3):
        await semaphore.acquire()
    tasks = [asyncio.ensure_future(semaphore_waiter(semaphore)) for _ in range(4)]
    await asyncio.sleep(DELAY)
    for _ in range(3):
        semaphore.release()
    await asyncio.gather(*tasks)
    print("semaphore_acquisitions", 7)


async def event_waiter(event):
    with measured("event"):
        await event.wait()


async def use_event():
    event = asyncio.Event()
    tasks = [asyncio.ensure_future(event_waiter(event)) for _ in range(3)]
    await asyncio.sleep(DELAY)
    event.set()
    await asyncio.gather(*tasks)
    await event.wait()


async def condition_waiter(condition):
    async with condition:
        with measured("condition"):
            await condition.wait()


async def use_condition():
    condition = asyncio.Condition()
    tasks = [asyncio.ensure_future(condition_waiter(condition)) for _ in range(3)]
    for _ in tasks:
        await asyncio.sleep(DELAY)
        async with condition:
            condition.notify()
    await asyncio.gather(*tasks)


async def taker(queue, rounds):
    for _ in range(rounds):
        with measured("take"):
            await queue.get()
        queue.task_done()


async def putter(queue, rounds):
    for _ in range(rounds):
        with measured("put"):
            await queue.put(1)


async def joiner(queue):
    with measured("join"):
        await queue.join()


async def use_queue():
    queue = asyncio.Queue(1)
    task = asyncio.ensure_future(taker(queue, 3))
    for _ in range(3):
        await asyncio.sleep(DELAY)
        queue.put_nowait(1)
    await task
    queue.put_nowait(1)
    task = asyncio.ensure_future(putter(queue, 3))
    for _ in range(3):
        await asyncio.sleep(DELAY)
        queue.get_nowait()
        queue.task_done()
    await task
    task = asyncio.ensure_future(joiner(queue))
    await asyncio.sleep(DELAY)
    queue.get_nowait()
    queue.task_done()
    await task


async def produced():
    await asyncio.sleep(DELAY)


async def generated(event):
    yield 1
    with measured("generated"):
        await event.wait()
    yield 2


async def task_waiter(task):
    with measured("task"):
        await task


async def future_waiter(future):
    with measured("future"):
        await future


async def executor_waiter():
    future = asyncio.get_running_loop().run_in_executor(None, time.sleep, DELAY)
    with measured("executor"):
        await future


async def generator_waiter(event):
    async for _ in generated(event):
        pass


async def sleeper():
    with measured("slept"):
        await asyncio.sleep(DELAY)


async def use_futures():
    await task_waiter(asyncio.ensure_future(produced()))
    future = asyncio.get_running_loop().create_future()
    task = asyncio.ensure_future(future_waiter(future))
    await asyncio.sleep(DELAY)
    future.set_result(None)
    await task
    await executor_waiter()
    event = asyncio.Event()
    task = asyncio.ensure_future(generator_waiter(event))
    await asyncio.sleep(DELAY)
    event.set()
    await task
    await sleeper()


async def cancelled_waiter(lock):
    try:
        with measured("cancelled"):
            await lock.acquire()
    except asyncio.CancelledError:
        pass


async def use_cancelled():
    lock = asyncio.Lock()
    await lock.acquire()
    task = asyncio.ensure_future(cancelled_waiter(lock))
    await asyncio.sleep(DELAY)
    task.cancel()
    await task
    lock.release()


async def main():
    for use in (use_lock, use_semaphore, use_event, use_condition, use_queue, use_futures, use_cancelled):
        await use()


asyncio.run(main())
for name in times:
    print(name, times[name])
    print(f"{name}_times", counts.get(name, 0))
