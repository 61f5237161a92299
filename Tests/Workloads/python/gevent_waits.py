"""What greenlets wait for: each counts and times its own waits."""
import time

import gevent
from gevent.event import AsyncResult, Event
from gevent.lock import BoundedSemaphore, RLock, Semaphore
from gevent.pool import Pool
from gevent.queue import Channel, Empty, Full, JoinableQueue, LifoQueue, PriorityQueue, Queue
from gevent.threadpool import ThreadPool

counts, times = {}, {}


def measure(name, wait, *arguments):
    start = time.monotonic_ns()
    try:
        return wait(*arguments)
    finally:
        times[name] = times.get(name, 0) + time.monotonic_ns() - start


def count(name, number=1):
    counts[name] = counts.get(name, 0) + number


def run(*functions):
    gevent.joinall([gevent.spawn(function) for function in functions], raise_error=True)


semaphore = Semaphore(1)
pair = BoundedSemaphore(2)
rlock = RLock()
event = Event()
result = AsyncResult()


# Locks. One has it for a while, another wants it.
def hold_semaphore():
    with semaphore:
        start = time.monotonic_ns()
        gevent.sleep(0.03)
        times["held"] = time.monotonic_ns() - start


def want_semaphore():
    measure("semaphore", semaphore.acquire)
    semaphore.release()


def with_semaphore():
    start = time.monotonic_ns()
    with semaphore:
        times["with_semaphore"] = time.monotonic_ns() - start


def want_in_vain():
    assert not measure("in_vain", semaphore.acquire, True, 0.005)


def use_pair():
    count("pairs", pair.locked())
    measure("pair", pair.acquire)
    gevent.sleep(0.01)
    pair.release()


def hold_rlock():
    with rlock, rlock:
        gevent.sleep(0.02)


def want_rlock():
    measure("rlock", rlock.acquire)
    rlock.acquire()
    rlock.release()
    rlock.release()


run(hold_semaphore, want_in_vain, want_semaphore, with_semaphore)
run(*[use_pair] * 6)
run(hold_rlock, want_rlock)
# Nobody waits: three of each.
for _ in range(3):
    with semaphore, rlock:
        pass


# Events, seen from some calls deep.
def wait_for_event():
    def middle():
        innermost()

    def innermost():
        measure("event", event.wait)

    middle()


def wait_for_result():
    assert measure("result", result.get) == 7


def set_both():
    gevent.sleep(0.02)
    event.set()
    gevent.sleep(0.01)
    result.set(7)


run(wait_for_event, wait_for_result, set_both)
event.wait()
result.get()

# Queues. A slow taker, then a slow putter.
ITEMS = 12
bounded = Queue(3)
joinable = JoinableQueue()
lifo = LifoQueue()
priority = PriorityQueue()
filled = Queue(None, "abc")
channel = Channel()


def fill():
    for item in range(ITEMS):
        measure("put", bounded.put, item)
    gevent.sleep(0.02)
    bounded.put(StopIteration)


def drain():
    gevent.sleep(0.02)
    while counts.get("taken", 0) < ITEMS:
        measure("get", bounded.get)
        count("taken")
        gevent.sleep(0.001)
    start = time.monotonic_ns()
    for _ in bounded:
        assert False
    times["get"] += time.monotonic_ns() - start


run(fill, drain)
for _ in range(3):
    bounded.put_nowait(1)
for attempt in lambda: bounded.put_nowait(1), lambda: measure("put", bounded.put, 1, True, 0.005):
    try:
        attempt()
    except Full:
        count("full")
assert bounded.peek() == 1
for _ in range(3):
    bounded.get_nowait()
for attempt in bounded.get_nowait, lambda: measure("get", bounded.get, True, 0.005):
    try:
        attempt()
    except Empty:
        count("empty")


def join():
    measure("join", joinable.join)


def work():
    while joinable.qsize():
        joinable.get()
        gevent.sleep(0.004)
        joinable.task_done()


for item in 3, 1, 2:
    for queue in joinable, lifo, priority:
        queue.put(item)
run(join, work)
assert [lifo.get() for _ in range(3)] == [2, 1, 3]
assert [priority.get() for _ in range(3)] == [1, 2, 3]
assert [filled.get() for _ in range(3)] == ["a", "b", "c"]


def offer():
    for item in range(5):
        measure("offer", channel.put, item)


def accept():
    for _ in range(5):
        gevent.sleep(0.002)
        channel.get()


run(offer, accept)

# Pools.
pool = Pool(2)


def job():
    gevent.sleep(0.005)


def start_jobs():
    for _ in range(6):
        count("starts", pool.full())
        measure("pool", pool.spawn, job)


run(start_jobs)
pool.join()
threads = ThreadPool(2)
for one in [threads.spawn(time.sleep, 0.002) for _ in range(8)]:
    one.get()
threads.kill()

for name, number in counts.items():
    print(name, number)
for name, nanoseconds in times.items():
    print(name, nanoseconds)
