"""Things of which each is made on a line of its own, and used once."""
import queue
import threading


class Cache:
    def __init__(self):
        self.lock = threading.RLock()
        self.slots: threading.Semaphore = threading.Semaphore(3)


def make():
    return threading.Lock()


cache = Cache()
cache_lock = threading.Lock()
locks = {}
locks["users"] = threading.Lock()
jobs = queue.Queue(3)
made = make()
for lock in cache.lock, cache.slots, cache_lock, locks["users"], made:
    with lock:
        pass
jobs.put(1)
jobs.get()
