"""A loop whose timers are late by a time that they measure, and queues whose items are counted."""
import asyncio
import sys
import threading
import time

if "uvloop" in sys.argv:
    import uvloop

    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())

READY = 100
late = []


async def nap(delay):
    start = time.monotonic()
    await asyncio.sleep(delay)
    late.append(max(time.monotonic() - start - delay, 0))


async def block(loop):
    def timer(due):
        late.append(time.monotonic() - due)

    for _ in range(3):
        for delay in (0.01, 0.02, 0.03):
            loop.call_later(delay, timer, time.monotonic() + delay)
        time.sleep(0.05)
        await nap(0.01)


async def fill(loop):
    done = loop.create_future()
    left = READY

    def callback():
        nonlocal left
        left -= 1
        if left == 0:
            done.set_result(None)

    for _ in range(READY):
        loop.call_soon(callback)
    await done


async def use_queues():
    for queue in (asyncio.Queue(), asyncio.LifoQueue(), asyncio.PriorityQueue(7)):
        for index in range(7):
            queue.put_nowait(index)
        await nap(0.002)
        while not queue.empty():
            await queue.get()
    own = Own()
    for index in range(3):
        await own.put(index)
    own.get_nowait()


class Own(asyncio.Queue):
    def _put(self, item):
        super()._put(item)


async def main():
    loop = asyncio.get_running_loop()
    await block(loop)
    await fill(loop)
    await use_queues()


async def side():
    loop = asyncio.get_running_loop()
    done = loop.create_future()
    threading.Thread(target=lambda: loop.call_soon_threadsafe(done.set_result, None)).start()
    await done


asyncio.run(main())
thread = threading.Thread(target=lambda: asyncio.run(side()), name="side")
thread.start()
thread.join()
print("late", round(sum(late) * 1e9))
print("latest", round(max(late) * 1e9))
print("timers", len(late))
print("ready", READY)
