"""Queues of all classes, of which the program counts items and measures times."""
import queue
import threading
import time

blocked = {"put": 0, "get": 0}


def measure(name, call, *arguments):
    start = time.monotonic_ns()
    try:
        return call(*arguments)
    finally:
        blocked[name] += time.monotonic_ns() - start


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
    time.sleep(0.03)
    fifo.put(None)


def drain():
    time.sleep(0.03)
    while True:
        item = measure("get", fifo.get)
        fifo.task_done()
        if item is None:
            break
        time.sleep(0.001)


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
    for item in (1, 2, 3):
        put[item] = time.monotonic_ns()
        one.put(item)
        time.sleep(0.005)
    for _ in range(3):
        item = one.get()
        residence[name] += time.monotonic_ns() - put[item]
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
print("blocked_put", blocked["put"])
print("blocked_get", blocked["get"])
for name, time in residence.items():
    print(name, time)
