"""What programs seldom do, and may: each prints what came of it."""
import asyncio
import copy
import gc
import os
import pickle
import queue
import sys
import threading
import weakref
from unittest.mock import MagicMock

try:
    import _interpreters as interpreters
except ImportError:
    try:
        import _xxsubinterpreters as interpreters
    except ImportError:
        interpreters = None


def tell(what, function):
    try:
        print(what, function())
    except BaseException as error:
        print(what, type(error).__name__, error)


# Another interpreter is the first to import what is recorded.
if interpreters:
    other = interpreters.create()
    interpreters.run_string(other, "import queue, threading")
    interpreters.destroy(other)

if hasattr(sys, "audit"):
    tell("an event without arguments", lambda: sys.audit("import"))
    tell("an event of another form", lambda: sys.audit("import", 1, 2))


# Modules that are something else.
for name in ("_queue", "greenlet", "gevent", "gevent.hub", "gevent.lock", "gevent.queue", "gevent.event"):
    sys.modules.setdefault(name, MagicMock())
sys.modules["gevent.thread"] = None
import csv  # noqa: E402
import wave  # noqa: E402

mocks = [MagicMock() for _ in range(200)]
del mocks
gc.collect()
tell("mocks", lambda: (csv.__name__, wave.__name__))


# A module that fails runs once.
with open("uvloop.py", "w") as file:
    file.write("print('runs')\nraise ImportError('no luck')\n")
sys.path.insert(0, os.getcwd())


def import_failing():
    import uvloop
    return uvloop


tell("a module that fails", import_failing)


# Functions are copied, pickled and referred to.
semaphore = threading.Semaphore()
method = threading.Semaphore.release
tell("a weak method", lambda: weakref.WeakMethod(semaphore.release)() == semaphore.release)
tell("a weak reference", lambda: weakref.ref(method)() is method)
tell("a pickle", lambda: pickle.loads(pickle.dumps(method)) is method)
tell("a copy", lambda: copy.copy(queue.Queue._put) is queue.Queue._put)
tell("a deep copy", lambda: copy.deepcopy([queue.Queue._put])[0] is queue.Queue._put)


# Classes made of the libraries' end.
def make_class(base):
    class Made(base):
        def _put(self, item):
            super()._put(item)

    one = Made()
    one.put_nowait(1)
    return weakref.ref(Made)


async def make_classes():
    return [make_class(asyncio.Queue) for _ in range(3)]


classes = [make_class(queue.Queue) for _ in range(3)] + asyncio.run(make_classes())
gc.collect()
tell("classes", lambda: [reference() for reference in classes])


# Classes called as some of Python's own are.
class coroutine_wrapper:
    turns = 0

    def __await__(self):
        return self

    __iter__ = __await__

    def __next__(self):
        self.turns += 1
        if self.turns > 3:
            raise StopIteration(self.turns)
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        future._asyncio_future_blocking = True
        loop.call_soon(future.set_result, None)
        return future

    def send(self, value):
        return next(self)


class partial:
    @property
    def func(self):
        return type("Other", (), {"__call__": lambda self: None})()

    def __call__(self):
        pass


async def use_likenesses():
    loop = asyncio.get_running_loop()
    for _ in range(500):
        loop.call_soon(partial())
    return await coroutine_wrapper()


tell("likenesses", lambda: asyncio.run(use_likenesses()))


# A class of tasks is asked nothing by the tracer.
asked = []


class Asked(asyncio.Task):
    def done(self):
        asked.append(sys._getframe(1).f_code.co_name)
        return super().done()

    def get_name(self):
        asked.append("name")
        return super().get_name()


async def use_tasks():
    await Asked(asyncio.sleep(0.01), loop=asyncio.get_running_loop())


tell("tasks", lambda: asyncio.run(use_tasks()))
tell("asked", lambda: asked)


# A program's own import and a hook of its own.
imported = []
original = __builtins__.__import__


def counted_import(name, *arguments, **names):
    imported.append(name)
    return original(name, *arguments, **names)


__builtins__.__import__ = counted_import
import concurrent.futures  # noqa: E402
import multiprocessing.context  # noqa: E402

tell("imports", lambda: (imported.count("concurrent.futures"), imported.count("multiprocessing.context")))
tell("futures", lambda: concurrent.futures.Future().done())
tell("contexts", lambda: multiprocessing.context.__name__)
