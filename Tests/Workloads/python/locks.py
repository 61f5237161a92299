"""Waits for locks, conditions and the like, of which each is timed by the thread that waits."""
import sys
import threading
import time

# What each waiter measured around its waits, and how much of that the other side saw: from when the waiter
# was about to wait.
waited = {}
held_up = {}
started = {}


def measure(name, wait):
    started[name] = start = time.monotonic_ns()
    wait()
    waited[name] = waited.get(name, 0) + time.monotonic_ns() - start


def ends(name):
    """Called just before what lets a waiter go on."""
    held_up[name] = held_up.get(name, 0) + time.monotonic_ns() - started[name]


def until(condition):
    while not condition():
        time.sleep(0.001)


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


def hold(name, lock):
    def hold_lock():
        with lock:
            held.set()
            until(lambda: name in started)
            time.sleep(0.05)
            ends(name)

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
        ends("condition")
        plain_condition.notify_all()


def wait_for_event():
    measure("event", plain_event.wait)


def set_event():
    until(lambda: plain_event._cond._waiters)
    time.sleep(0.03)
    ends("event")
    plain_event.set()


def arrive_early():
    measure("barrier", barrier.wait)


def arrive_late():
    until(lambda: barrier.n_waiting)
    time.sleep(0.03)
    ends("barrier")
    barrier.wait()


def wait_for_semaphore(number):
    def wait():
        measure(f"semaphore {number}", semaphore.acquire)
        semaphore.release()

    return wait


def hold_semaphore():
    until(lambda: len(semaphore._cond._waiters) == 4)
    time.sleep(0.03)
    for number in range(4):
        ends(f"semaphore {number}")
    semaphore.release()
    semaphore.release()


def use_bounded():
    with bounded:
        pass


for name, lock in ("plain", plain_lock), ("recursive", recursive_lock):
    held.clear()
    run(hold(name, lock), take(name, lock))
held.clear()
run(wait_for_condition, notify)
run(wait_for_event, set_event)
run(arrive_early, arrive_late)
with semaphore, semaphore:
    # Both are given back by the other side, and taken again for the end of this.
    run(hold_semaphore, *map(wait_for_semaphore, range(4)))
    semaphore.acquire()
    semaphore.acquire()
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
waited["in_vain"] = time.monotonic_ns() - start
# Released by another thread than the one that has it.
run(plain_lock.release)

for times, suffix in (waited, ""), (held_up, "_held"):
    sums = {}
    for name, time in times.items():
        name = name.split()[0]
        sums[name] = sums.get(name, 0) + time
    for name, time in sums.items():
        print(name + suffix, time)
