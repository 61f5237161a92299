"""Tasks and callbacks that are counted, and some that block their loop for a time that they measure."""
import asyncio
import functools
import gc
import sys
import threading
import time

if "uvloop" in sys.argv:
    import uvloop

    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())

counts = {}
counts_lock = threading.Lock()
named = "a task with a name"


def count(name, more=1):
    with counts_lock:
        counts[name] = counts.get(name, 0) + more


def name_task(task, name):
    # In 3.7 tasks have no names.
    if sys.version_info >= (3, 8):
        task.set_name(name)


async def worker(rounds):
    count("worker")
    for _ in range(rounds):
        await asyncio.sleep(0)
        count("worker")


async def renamed(rounds):
    for _ in range(rounds):
        count(named)
        await asyncio.sleep(0)
    count(named)


async def request():
    count("request")


async def short():
    count("short")


async def slow_start():
    count("slow_start")
    await asyncio.sleep(0.001)
    count("slow_start")


async def in_python(rounds):
    count("in_python")
    for _ in range(rounds):
        await asyncio.sleep(0)
        count("in_python")


class Service:
    async def serve(self):
        count("Service.serve")
        await self.pause()
        count("Service.serve")

    async def pause(self):
        await asyncio.sleep(0)

    def callback(self):
        count("Service.callback")


def partial_callback(text):
    count("partial_callback")


async def blocker():
    count("blocker")
    await asyncio.sleep(0.001)
    count("blocker")
    start = time.monotonic_ns()
    time.sleep(0.12)
    print("blocked", time.monotonic_ns() - start)


def blocking_callback():
    count("blocking_callback")
    start = time.monotonic_ns()
    time.sleep(0.06)
    print("callback_blocked", time.monotonic_ns() - start)


async def cancelled():
    count("cancelled")
    try:
        await asyncio.sleep(60)
    finally:
        count("cancelled")


async def never_begun():
    raise AssertionError("it was cancelled before")


async def failing():
    count("failing")
    raise KeyError("for its caller")


async def forgotten():
    count("forgotten")
    await asyncio.get_running_loop().create_future()


async def main():
    loop = asyncio.get_running_loop()
    await asyncio.gather(*(worker(20 + index) for index in range(30)))
    task = asyncio.ensure_future(renamed(7))
    name_task(task, named)
    await task
    # Each has the address of the one before.
    for _ in range(200):
        await asyncio.ensure_future(short())
    for number in range(400):
        task = asyncio.ensure_future(request())
        name_task(task, f"request {number}")
        await task
    await asyncio.gather(*(slow_start() for _ in range(5)))
    python_task = asyncio.tasks._PyTask(in_python(9), loop=loop)
    await python_task
    service = Service()
    await asyncio.ensure_future(service.serve())
    loop.call_soon(service.callback)
    loop.call_later(0.001, service.callback)
    loop.call_soon(functools.partial(functools.partial(partial_callback), "text"))
    await asyncio.ensure_future(blocker())
    loop.call_soon(blocking_callback)
    task = asyncio.ensure_future(cancelled())
    await asyncio.sleep(0.001)
    task.cancel()
    early = asyncio.ensure_future(never_begun())
    early.cancel()
    count("never_begun")
    failed = asyncio.ensure_future(failing())
    handle = loop.call_later(0.001, count, "cancelled_callback")
    handle.cancel()
    await asyncio.wait([task, early, failed])
    assert isinstance(failed.exception(), KeyError)


def run_forgotten():
    """A loop whose task never goes on, and is destroyed with it."""
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda loop, context: None)
    loop.create_task(forgotten())
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    gc.collect()


async def thread_main():
    await asyncio.gather(*(worker(3) for _ in range(4)))


asyncio.run(main())
asyncio.run(thread_main())
for _ in range(3):
    run_forgotten()
threads = [threading.Thread(target=lambda: asyncio.run(thread_main()), name="side") for _ in range(3)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
for name, number in counts.items():
    print(name.replace(" ", "_"), number)
