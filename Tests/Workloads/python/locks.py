"""Waits for locks, conditions and the like, of which each is timed by the thread that waits."""
import sys
import threading
import time

waited = {}


def measure(name, wait):
    start = time.monotonic_ns()
    wait()
    waited[name] = waited.get(name, 0) + time.monotonic_ns() - start


def run(*targets):
    threads = [threading.Thread(target=target) for target in targets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


plain_lock = threading.Lock()
recursive_lock = threading.RLock()
plain_condition = threading.Condition()
plain_event = threading.Event()
barrier = threading.Barrier(2)
semaphore = threading.Semaphore(2)
bounded = threading.BoundedSemaphore(1)
held = threading.Event()


def hold(lock, seconds):
    def hold_lock():
        with lock:
            held.set()
            time.sleep(seconds)

    return hold_lock


def take(name, lock):
    def take_lock():
        held.wait()
        measure(name, lock.acquire)
        lock.release()

    return take_lock


def wait_for_condition():
    with plain_condition:
        held.set()
        measure("condition", plain_condition.wait)


def notify():
    held.wait()
    with plain_condition:
        time.sleep(0.03)
        plain_condition.notify_all()


def wait_for_event():
    measure("event", plain_event.wait)


def set_event():
    time.sleep(0.03)
    plain_event.set()


def arrive_early():
    measure("barrier", barrier.wait)


def arrive_late():
    time.sleep(0.03)
    barrier.wait()


def use_semaphore():
    measure("semaphore", semaphore.acquire)
    time.sleep(0.02)
    semaphore.release()


def use_bounded():
    with bounded:
        pass


for name, lock in ("plain", plain_lock), ("recursive", recursive_lock):
    held.clear()
    run(hold(lock, 0.05), take(name, lock))
held.clear()
run(wait_for_condition, notify)
run(wait_for_event, set_event)
run(arrive_early, arrive_late)
run(*[use_semaphore] * 6)
for _ in range(100):
    use_bounded()
for _ in range(1000):
    with plain_lock:
        with recursive_lock, recursive_lock:
            pass
# Without a wait, and in vain.
plain_lock.acquire()
assert not plain_lock.acquire(False)
start = time.monotonic_ns()
assert not plain_lock.acquire(timeout=0.02)
waited["plain"] += time.monotonic_ns() - start
# Released by another thread than the one that has it.
run(plain_lock.release)

for name, time in waited.items():
    print(name, time)
