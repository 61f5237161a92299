"""What a program can find out about itself, which is to be the same in a recording."""
import gc
import inspect
import io
import re
import sys
import traceback
import warnings

first_modules = sorted(sys.modules)

import concurrent.futures
import queue
import threading

if "-a" in sys.argv:
    import asyncio
    import multiprocessing
    import multiprocessing.connection
    import multiprocessing.managers
    import multiprocessing.pool
    import multiprocessing.queues
    import multiprocessing.synchronize


def tell(*facts):
    """Prints facts without what differs from run to run."""
    text = " ".join(map(str, facts))
    print(re.sub(r"0x[0-9a-f]+|[0-9]{6,}|tmp[a-z0-9_]{8}|Dummy-[0-9]+", "N", text))


def source_size(value):
    try:
        return len(inspect.getsource(value))
    except OSError:
        return None


def describe(value):
    facts = [value.__class__.__name__, type(value).__name__, getattr(value, "__qualname__", "")]
    facts += [inspect.isfunction(value), inspect.iscoroutinefunction(value), callable(value)]
    facts += [getattr(value, "__module__", ""), len(getattr(value, "__doc__", "") or "")]
    try:
        facts.append(inspect.signature(value))
    except (TypeError, ValueError):
        pass
    if inspect.isfunction(value):
        facts += [value.__code__.co_name, value.__defaults__, sorted(value.__dict__)]
        facts += [inspect.unwrap(value).__name__, source_size(value)]
        facts += [repr(value).split(" at ")[0]]
    return facts


def describe_modules():
    for name in sorted(sys.modules):
        module = sys.modules[name]
        if name.split(".")[0] not in ("asyncio", "concurrent", "multiprocessing", "queue", "threading"):
            continue
        spec = module.__spec__
        tell("module", name, spec.loader.__class__.__name__, spec.origin, sorted(vars(module)))
        for class_name, value in sorted(vars(module).items()):
            if not inspect.isclass(value) or value.__module__ != name:
                continue
            for attribute, member in sorted(vars(value).items()):
                if attribute not in ("__doc__", "__dict__", "__weakref__", "_abc_impl"):
                    tell(name, class_name, attribute, describe(member))


def describe_errors():
    def fail(what):
        try:
            what()
        except BaseException as error:
            text = io.StringIO()
            traceback.print_exc(file=text)
            tell(type(error).__name__, error, text.getvalue())

    bounded = threading.BoundedSemaphore(1)
    fail(bounded.release)
    fail(lambda: bounded.release(n=5, m=6))
    fail(lambda: threading.Semaphore(-1))
    fail(lambda: threading.Semaphore.acquire())
    fail(lambda: threading.Semaphore(1).acquire(False, timeout=1))
    fail(lambda: queue.Queue(1).get_nowait())
    fail(lambda: queue.Queue(1).get(timeout=0.01))
    fail(lambda: queue.Queue._put())
    fail(lambda: queue.Queue._get(1))
    fail(lambda: threading.Thread._bootstrap_inner(1))

    class Broken(queue.Queue):
        def _put(self, item):
            raise KeyError(item)

    fail(lambda: Broken().put(3))
    fail(lambda: threading.Condition().notify())


def use():
    one = queue.PriorityQueue(2)
    one.put(1)
    one.get()
    semaphore = threading.Semaphore(value=2)
    with semaphore:
        semaphore.acquire(blocking=True, timeout=1)
    semaphore.release()
    thread = threading.Thread(target=lambda: one.put(2), name="t")
    thread.start()
    thread.join()
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        pool.submit(one.get).result()


def describe_traces():
    events = []

    def hook(frame, event, argument):
        file = frame.f_code.co_filename.split("/")[-1]
        function = getattr(argument, "__name__", "") if event.startswith("c_") else ""
        events.append((event, frame.f_code.co_name, file, frame.f_lineno, function))
        return hook

    # Only what this thread does is the same each time.
    for set_hook in (sys.settrace, sys.setprofile):
        events.clear()
        set_hook(hook)
        semaphore = threading.Semaphore(2)
        with semaphore:
            semaphore.release()
        one = queue.LifoQueue(2)
        one.put(1)
        one.get()
        set_hook(None)
        for event in events:
            tell(set_hook.__name__, event)


def describe_interpreter():
    tell("modules at first", first_modules)
    tell("modules", sorted(sys.modules))
    tell("main", sorted(vars(sys.modules["__main__"])))
    tell("path", sys.path, sys.meta_path, sys.path_hooks, sys.argv, sys.flags)
    tell("hooks", sys.gettrace(), sys.getprofile(), sys.excepthook.__name__, sys.displayhook.__name__)
    tell("builtins", sorted(vars(__builtins__) if inspect.ismodule(__builtins__) else __builtins__))
    tell("warnings", warnings.filters, gc.get_threshold(), gc.isenabled(), sys.getrecursionlimit())
    tell("threads", threading.enumerate(), sys.getswitchinterval())
    frame, depth = sys._getframe(), 0
    while frame:
        tell("frame", frame.f_code.co_name, frame.f_lineno)
        frame = frame.f_back


def recurse(depth):
    return recurse(depth + 1) if depth < 10000 else 0


with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    use()
    tell("warned", [str(warning.message) for warning in caught])
describe_interpreter()
describe_modules()
describe_errors()
describe_traces()
try:
    recurse(0)
except RecursionError as error:
    tell("deepest", len(traceback.extract_tb(error.__traceback__)))
print("to stderr", file=sys.stderr)
sys.exit(7)
