"""Threads with names, of all sorts."""
import _thread
import threading
import time


def worker():
    time.sleep(0.01)


def renamed():
    threading.current_thread().name = "new name"
    time.sleep(0.01)


class Own(threading.Thread):
    def run(self):
        time.sleep(0.01)


joining = threading.Event()


def late():
    global ended
    joining.wait()
    time.sleep(0.05)
    ended = time.monotonic_ns()


end = _thread.allocate_lock()
end.acquire()


def bare():
    end.release()


threads = [
    threading.Thread(target=worker),
    threading.Thread(target=worker, name="Zwölf Boxkämpfer"),
    threading.Thread(target=renamed, name="old name"),
    Own(name="own class"),
    threading.Thread(target=late, name="late"),
    threading.Thread(target=worker, name="quiet", daemon=True),
]
for thread in threads:
    thread.start()
start = time.monotonic_ns()
joining.set()
threads[4].join()
print("joined", time.monotonic_ns() - start)
print("joined_held", ended - start)
for thread in threads:
    thread.join()
_thread.start_new_thread(bare, ())
end.acquire()
print("threads", len(threads) + 2)
