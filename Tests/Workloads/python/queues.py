"""Queues of all classes, of which the program counts items and measures times."""
import queue
import threading
import time

# What was measured around all waits, and how much of the two long ones the other side saw.
blocked = {"put": 0, "get": 0}
held_up = {}
started = {}


def measure(name, call, *arguments):
    started[name] = start = time.monotonic_ns()
    try:
        return call(*arguments)
    finally:
        blocked[name] += time.monotonic_ns() - start


def hold_up(name, waiters):
    while not waiters:
        time.sleep(0.001)
    time.sleep(0.03)
    held_up[name] = time.monotonic_ns() - started[name]


class Shouting(queue.Queue):
    """As programs make them."""

    def _put(self, item):
        super()._put(item.upper())


fifo = queue.Queue(3)
lifo = queue.LifoQueue()
priority = queue.PriorityQueue()
shouting = Shouting()
ITEMS = 20


def fill():
    for item in range(ITEMS):
        measure("put", fifo.put, item)
    hold_up("get", fifo.not_empty._waiters)
    fifo.put(None)


def drain():
    hold_up("put", fifo.not_full._waiters)
    while True:
        item = measure("get", fifo.get)
        fifo.task_done()
        if item is None:
            break


threads = [threading.Thread(target=fill), threading.Thread(target=drain)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
fifo.join()

# The first in stays longest in the one, shortest in the other.
residence = {"lifo": 0, "priority": 0}
for name, one in ("lifo", lifo), ("priority", priority):
    put = {}
    residence[f"{name}_held"] = 0
    for item in (1, 2, 3):
        before = time.monotonic_ns()
        one.put(item)
        put[item] = before, time.monotonic_ns()
        time.sleep(0.005)
    for _ in range(3):
        before = time.monotonic_ns()
        item = one.get()
        residence[name] += time.monotonic_ns() - put[item][0]
        residence[f"{name}_held"] += before - put[item][1]
        time.sleep(0.005)

for word in "abc":
    shouting.put(word)
assert [shouting.get() for _ in range(3)] == ["A", "B", "C"]
for full in (True, False):
    try:
        measure("get", fifo.get, True, 0.001) if full else fifo.get_nowait()
    except queue.Empty:
        pass

print("items", ITEMS + 1)
for name in blocked:
    print(f"blocked_{name}", blocked[name])
    print(f"blocked_{name}_held", held_up[name])
for name, time in residence.items():
    print(name, time)
