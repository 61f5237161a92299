"""What a program can find out about asyncio and uvloop, which is to be the same in a recording."""
import asyncio
import contextvars
import functools
import gc
import inspect
import re
import sys
import traceback
import warnings
import weakref

is_uvloop = "uvloop" in sys.argv
if is_uvloop:
    import uvloop

    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())


def tell(*facts):
    """Prints facts without what differs from run to run."""
    text = " ".join(map(str, facts))
    print(re.sub(r"0x[0-9a-f]+|\b[0-9]{6,}\b|[0-9]+\.[0-9]{3,}", "N", text))


class Callable:
    def __init__(self, text):
        self.text = text

    def __call__(self, *arguments):
        tell("called", self.text, arguments)

    def method(self):
        tell("method", self.text, [frame.name for frame in traceback.extract_stack()])


def stack():
    tell("stack", [frame.name for frame in traceback.extract_stack()])


def fail(what):
    raise KeyError(what)


def tell_context(loop, context):
    tell("context", sorted(context), context["message"], repr(context.get("exception")))
    tell("handle", context.get("handle"))
    error = context.get("exception")
    if error is not None:
        tell("trace", [frame.name for frame in traceback.extract_tb(error.__traceback__)])


async def until(loop, schedule):
    """Waits for a callback that is due after all others."""
    done = loop.create_future()
    schedule(done.set_result, None)
    await done


async def tell_handles(loop):
    one = Callable("one")
    handles = [
        loop.call_soon(one, 1, 2),
        loop.call_soon(one.method),
        loop.call_soon(stack),
        loop.call_soon(lambda: tell("lambda")),
        loop.call_soon(print, "built in"),
        loop.call_soon_threadsafe(one, "threadsafe"),
        loop.call_soon(one, context=contextvars.copy_context()),
    ]
    cancelled = loop.call_soon(one, "never")
    cancelled.cancel()
    tell(cancelled, cancelled.cancelled())
    for handle in handles:
        tell(type(handle), handle, handle.cancelled())
    await until(loop, loop.call_soon)
    timers = [loop.call_later(0.001, stack), loop.call_at(loop.time() + 0.002, one, "at")]
    cancelled = loop.call_later(0.001, one, "never")
    cancelled.cancel()
    tell(cancelled, cancelled.cancelled())
    for handle in timers:
        tell(type(handle), handle, handle.cancelled())
    await until(loop, functools.partial(loop.call_later, 0.01))
    for handle in handles + timers:
        tell("after", handle)
    loop.call_soon(fail, "plain")
    await until(loop, loop.call_soon)
    loop.call_later(0.001, fail, "timed")
    await until(loop, functools.partial(loop.call_later, 0.002))


def attempt(what, *arguments, **names):
    try:
        tell("result", what(*arguments, **names))
    except BaseException as error:
        trace = traceback.extract_tb(error.__traceback__)
        tell("error", type(error).__name__, error, [frame.name for frame in trace])


def tell_errors(loop):
    async def coroutine():
        pass

    attempt(loop.call_soon)
    attempt(loop.call_soon, callback=stack)
    attempt(loop.call_soon, stack, nonsense=1)
    attempt(loop.call_later)
    attempt(loop.call_later, 1)
    attempt(loop.call_later, "1", stack)
    attempt(loop.call_later, None, stack)
    attempt(loop.call_at)
    attempt(loop.add_reader, "nothing", stack)
    attempt(loop.add_reader)
    for what in (coroutine, 5, None):
        attempt(lambda: loop.call_soon(what).cancel())
    attempt(contextvars.Context.run)
    attempt(contextvars.Context().run)
    attempt(contextvars.Context().run, fail, 1)
    attempt(contextvars.Context().run, max, 1, 2, key=abs)
    attempt(asyncio.Handle._run)


async def tell_waits():
    for what in (asyncio.Lock, asyncio.Semaphore, asyncio.Condition):
        tell(what.acquire if what is not asyncio.Condition else "", what(), inspect.signature(what))
    tell(inspect.iscoroutinefunction(asyncio.Lock.acquire), asyncio.Lock.release, asyncio.Queue._put)
    tell(inspect.signature(asyncio.Lock.__init__), inspect.signature(asyncio.Queue))
    lock = asyncio.Lock()
    attempt(lock.release)
    attempt(asyncio.BoundedSemaphore(1).release)
    attempt(asyncio.Semaphore, -1)
    attempt(asyncio.Queue().get_nowait)
    full = asyncio.Queue(1)
    full.put_nowait(1)
    attempt(full.put_nowait, 2)
    semaphore = asyncio.Semaphore(2)
    async with semaphore:
        tell(semaphore, semaphore.locked())
        async with semaphore:
            tell(semaphore, semaphore.locked())
    task = asyncio.ensure_future(lock.acquire())
    await task
    waiter = asyncio.ensure_future(lock.acquire())
    await asyncio.sleep(0)
    tell(waiter._coro.cr_await is not None, waiter.get_stack(), lock)
    waiter.cancel()
    await asyncio.wait([waiter])
    tell(waiter.cancelled(), repr(waiter._coro.cr_frame))


async def tell_lifetimes(loop):
    class Thing:
        def method(self, other=None):
            pass

    thing = Thing()
    tell("references", sys.getrefcount(thing))
    gone = weakref.ref(thing)
    loop.call_soon(thing.method)
    loop.call_soon(thing.method, thing)
    cancelled = loop.call_later(60, thing.method)
    cancelled.cancel()
    del thing, cancelled
    await until(loop, loop.call_soon)
    tell("gone", gone() is None)
    task = asyncio.ensure_future(asyncio.sleep(0))
    gone = weakref.ref(task)
    await task
    del task
    tell("gone", gone() is None)


class Node:
    pass


async def hold(node):
    await asyncio.get_running_loop().create_future()


def tell_forgotten():
    """A loop that is forgotten with all that it has."""
    loop = asyncio.new_event_loop()
    messages = []
    loop.set_exception_handler(lambda loop, context: messages.append(context["message"]))
    node = Node()
    gone = weakref.ref(node)
    task = loop.create_task(hold(node))
    node.self = node
    loop.run_until_complete(asyncio.sleep(0))
    loop.call_soon(node.__init__)
    loop.call_later(60, node.__init__)
    loop.close()
    del task, node, loop
    gc.collect()
    tell("forgotten", gone() is None, messages)


async def main():
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(tell_context)
    await tell_handles(loop)
    tell_errors(loop)
    await tell_waits()
    await tell_lifetimes(loop)
    # What is wrong with some of those above shows when they are run.
    await until(loop, loop.call_soon)


class Interrupted(BaseException):
    pass


async def interrupted():
    raise Interrupted("out of the loop")


with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    asyncio.run(main())
    attempt(asyncio.run, interrupted())
    tell_forgotten()
    gc.collect()
    tell("warned", sorted(str(warning.message) for warning in caught))
for module in (asyncio, sys.modules.get("uvloop.loop")):
    for name, value in sorted(vars(module).items()) if module else []:
        if inspect.isclass(value):
            members = sorted(vars(value).items())
            tell(name, [(name, type(member).__name__) for name, member in members])
tell(contextvars.Context.run, contextvars.Context().run, type(vars(contextvars.Context)["run"]))
