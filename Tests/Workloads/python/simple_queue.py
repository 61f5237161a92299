"""Queues without a limit, between threads and in an executor, which count their items and time their waits."""
import queue
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

made = queue.SimpleQueue()
ITEMS, ROUNDS = 5000, 5
waits = waited = 0
counts = {"in": 0, "out": 0}


def take_all():
    for _ in range(ITEMS):
        made.get()
        counts["out"] += 1


taker = threading.Thread(target=take_all)
for item in range(ITEMS // 2):
    made.put(item)
    counts["in"] += 1
print("held_back", made.qsize())
taker.start()
for item in range(ITEMS // 2):
    made.put_nowait(item) if item % 2 else made.put(item, True, None)
    counts["in"] += 1
taker.join()
assert made.empty()

# A taker that has to wait, and one that does so in vain.
slow = queue.SimpleQueue()


def wait_for_items():
    global waits, waited
    for _ in range(ROUNDS):
        waits += slow.empty()
        start = time.monotonic_ns()
        slow.get()
        waited += time.monotonic_ns() - start


taker = threading.Thread(target=wait_for_items)
taker.start()
for item in range(ROUNDS):
    time.sleep(0.02)
    slow.put(item)
taker.join()
start = time.monotonic_ns()
try:
    slow.get(timeout=0.01)
except queue.Empty:
    print("in_vain", time.monotonic_ns() - start)
try:
    slow.get_nowait()
except queue.Empty:
    pass

# A signal handler that runs in the middle of a wait, and waits for a lock itself.
lock = threading.Lock()
interrupted = queue.SimpleQueue()


def release_later():
    time.sleep(0.03)
    lock.release()
    time.sleep(0.03)
    interrupted.put(1)


def handle(*_):
    start = time.monotonic_ns()
    lock.acquire()
    print("in_handler", time.monotonic_ns() - start)


lock.acquire()
signal.signal(signal.SIGALRM, handle)
signal.setitimer(signal.ITIMER_REAL, 0.02)
helper = threading.Thread(target=release_later)
helper.start()
interrupted.get()
helper.join()
signal.setitimer(signal.ITIMER_REAL, 0)



# The queue of an executor, by one that counts what it passes on.
class Counting:
    def __init__(self, inner):
        self.inner, self.items = inner, {"in": 0, "out": 0}

    def put(self, item):
        self.inner.put(item)
        self.items["in"] += 1

    def get(self, block=True):
        item = self.inner.get(block)
        self.items["out"] += 1
        return item

    def get_nowait(self):
        return self.get(False)


WORKERS, JOBS = 3, 400
with ThreadPoolExecutor(WORKERS) as executor:
    executor._work_queue = Counting(executor._work_queue)
    barrier = threading.Barrier(WORKERS)
    for job in [executor.submit(barrier.wait) for _ in range(WORKERS)]:
        job.result()
    for job in [executor.submit(abs, number) for number in range(JOBS)]:
        job.result()
counting = executor._work_queue
# It wakes its workers once more when it goes.
del executor
assert sum(counting.items.values()) > 2 * JOBS
for name, number in counting.items.items():
    print("executor_" + name, number)
for name, number in counts.items():
    print(name, number)
print("rounds", ROUNDS)
print("waits", waits)
print("waited", waited)
