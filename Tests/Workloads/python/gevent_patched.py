"""A program of threads, all of which are greenlets: what they wait for is what it would be for threads."""
from gevent import monkey

monkey.patch_all()

import queue
import threading
import time
from concurrent.futures import ThreadPoolExecutor

times = {}


def measure(name, wait, *arguments):
    start = time.monotonic_ns()
    try:
        return wait(*arguments)
    finally:
        times[name] = times.get(name, 0) + time.monotonic_ns() - start


def run(*targets):
    threads = [threading.Thread(target=target) for target in targets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


lock = threading.Lock()
rlock = threading.RLock()
condition = threading.Condition()
semaphore = threading.Semaphore(1)
jobs = queue.Queue(2)
simple = queue.SimpleQueue()


def hold_lock():
    with lock:
        time.sleep(0.03)


def want_lock():
    measure("lock", lock.acquire)
    lock.release()


def hold_rlock():
    with rlock, rlock:
        time.sleep(0.02)


def want_rlock():
    measure("rlock", rlock.acquire)
    rlock.release()


def wait_for_condition():
    with condition:
        measure("condition", condition.wait)


def notify():
    time.sleep(0.02)
    with condition:
        condition.notify()


def hold_semaphore():
    with semaphore:
        time.sleep(0.02)


def want_semaphore():
    measure("semaphore", semaphore.acquire)
    semaphore.release()


def fill():
    for item in range(8):
        measure("put", jobs.put, item)


def drain():
    for _ in range(8):
        time.sleep(0.003)
        jobs.get()


def take():
    for _ in range(3):
        measure("take", simple.get)


def give():
    for _ in range(3):
        time.sleep(0.005)
        simple.put(1)


for targets in (
    (hold_lock, want_lock),
    (hold_rlock, want_rlock),
    (wait_for_condition, notify),
    (hold_semaphore, want_semaphore),
    (fill, drain),
    (take, give),
):
    run(*targets)
with ThreadPoolExecutor(2) as executor:
    assert sum(executor.map(abs, range(10))) == 45
assert threading.current_thread().name == "MainThread"
for name, nanoseconds in times.items():
    print(name, nanoseconds)
