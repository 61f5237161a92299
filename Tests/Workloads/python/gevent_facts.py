"""What a program can find out about greenlet, gevent and queue.SimpleQueue, line by line."""
import copy
import gc
import inspect
import queue
import re
import sys
import traceback
import types
import weakref

import gevent
import gevent.event
import gevent.hub
import gevent.lock
import gevent.queue
import gevent.thread
import greenlet


def say(*facts):
    print(re.sub(r"0x[0-9a-f]+", "0x", " ".join(str(fact) for fact in facts)))


def describe(kind):
    say(kind, type(kind), kind.__mro__, kind.__flags__ & ~(1 << 19), kind.__basicsize__)
    for name, value in sorted(vars(kind).items()):
        try:
            signature = inspect.signature(value)
        except (TypeError, ValueError) as error:
            signature = error
        say(name, value.__class__, value, getattr(value, "__doc__", None), signature)
        say(getattr(value, "__qualname__", None), getattr(value, "__module__", None))
        say(callable(value), inspect.isroutine(value), inspect.isfunction(value))
        say(value == vars(kind)[name], value is vars(kind)[name], sorted(dir(value)))


for kind in (
    greenlet.greenlet,
    gevent.lock.Semaphore,
    gevent.lock.BoundedSemaphore,
    gevent.lock.RLock,
    gevent.event.Event,
    gevent.event.AsyncResult,
    gevent.queue.Queue,
    gevent.queue.SimpleQueue,
    gevent.queue.JoinableQueue,
    gevent.queue.LifoQueue,
    gevent.queue.PriorityQueue,
    gevent.queue.Channel,
    gevent.thread.LockType,
    queue.SimpleQueue,
):
    describe(kind)
for module in greenlet, gevent, gevent.lock, gevent.event, gevent.queue, gevent.thread, queue:
    say(module.__name__, sorted(vars(module)))
say(sorted(sys.modules))


# Classes of the program's own.
class Mine(gevent.lock.Semaphore):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.said = []

    def acquire(self, *arguments, **names):
        self.said.append((arguments, names))
        return super().acquire(*arguments, **names)


class New(gevent.queue.Queue):
    def __new__(cls, *arguments):
        made = super().__new__(cls)
        made.mine = arguments
        return made

    def _put(self, item):
        super()._put(item * 2)

    def get(self, *arguments, **names):
        return super().get(*arguments, **names) + 1


class Simple(queue.SimpleQueue):
    pass


mine = Mine(2)
with mine:
    mine.acquire(blocking=False)
say(mine.said, mine.counter, mine.release(), copy.copy(mine.said))
new = New(3)
new.put(4)
say(new.get(), new.mine, new.qsize())
for item in (5, StopIteration):
    gevent.queue.Queue.put(new, item) if item == 5 else gevent.queue.SimpleQueue()
say(list(map(type, (new, Simple(), gevent.queue.Queue.__new__(gevent.queue.Queue)))))
say(Simple.__new__ is queue.SimpleQueue.__new__, Simple.put is queue.SimpleQueue.put)

# Wrong calls.
semaphore, waited, plain = gevent.lock.Semaphore(), gevent.event.Event(), queue.SimpleQueue()
made = gevent.queue.Queue(1)
for call in (
    lambda: semaphore.acquire(1, 2, 3),
    lambda: semaphore.acquire(no=1),
    lambda: semaphore.release(1),
    lambda: gevent.lock.Semaphore(-1),
    lambda: gevent.lock.Semaphore.acquire(),
    lambda: gevent.lock.BoundedSemaphore().release(),
    lambda: waited.wait(timeout="soon"),
    lambda: waited.set(1),
    lambda: made.put(),
    lambda: made.put(1) or made.put_nowait(2),
    lambda: made.get() and made.get_nowait(),
    lambda: made.get(timeout=0.001),
    lambda: gevent.event.AsyncResult().get(block=False),
    lambda: plain.get(timeout=-1),
    lambda: plain.get_nowait(1),
    lambda: plain.put(),
    lambda: plain.put(1, no=2),
    lambda: queue.SimpleQueue.put(1, 2),
    lambda: queue.SimpleQueue(1),
    lambda: setattr(queue.SimpleQueue, "put", None),
    lambda: greenlet.greenlet.switch(),
    lambda: greenlet.greenlet.switch(1),
    lambda: greenlet.greenlet(int).switch("x"),
    lambda: greenlet.greenlet(int).throw(KeyError, "k"),
    lambda: greenlet.greenlet(int).throw(1),
    lambda: setattr(greenlet.greenlet, "switch", None),
    lambda: gevent.spawn(int, "7").get(),
):
    try:
        say(call())
    except BaseException as error:
        say(type(error), error, len(traceback.extract_tb(error.__traceback__)))

# References, and objects that go.
for one in gevent.lock.Semaphore(), gevent.queue.Queue(), queue.SimpleQueue(), waited:
    say(sys.getrefcount(one), len(gc.get_referrers(one)), gc.is_tracked(one))
say(sys.getrefcount(semaphore.acquire), len(gc.get_referents(queue.SimpleQueue.put)))
said = []


def worker():
    try:
        greenlet.getcurrent().parent.switch(7)
    finally:
        said.append(greenlet.getcurrent().dead)


one = greenlet.greenlet(worker)
say(one.switch(), bool(one), one.dead, one.gr_frame.f_code.co_name, one.gr_frame.f_back)
gone = weakref.ref(one)
del one
gc.collect()
say(gone(), said)
say(gevent.spawn(worker).name, gevent.getcurrent().parent, gevent.get_hub().name)
say(greenlet.gettrace(), types.MethodType, len(gc.get_objects()) > 0)
say([frame.name for frame in traceback.extract_stack()])
