"""C code that keeps the interpreter's lock, while another thread wants it."""
import threading
import time


def keep(started):
    started.wait()
    begin = time.perf_counter_ns()
    sum(range(30_000_000))
    print("kept", time.perf_counter_ns() - begin)


started = threading.Event()
keeper = threading.Thread(target=keep, args=(started,), name="keeper")
keeper.start()
started.set()
while keeper.is_alive():
    pass
keeper.join()
