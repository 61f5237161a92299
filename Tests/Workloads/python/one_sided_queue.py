"""A queue between two threads, of which one is slower: `full`, `empty`, or `balanced`, first the one and then
the other."""

import hashlib
import queue
import sys
import threading
import time

ITEMS = 25
how = sys.argv[1]
jobs = queue.Queue(maxsize=2)


def work(item):
    """Computes before an item is put in, and lets others have the interpreter meanwhile."""
    if how == "empty":
        hashlib.pbkdf2_hmac("sha256", b"password", b"salt", 60000)
    elif how == "balanced" and item >= ITEMS:
        time.sleep(0.01)


def rest(item):
    """Is slow to take the next item."""
    if how == "full" or how == "balanced" and item < ITEMS:
        time.sleep(0.01)


def consume():
    """Takes all items, at its own pace."""
    while (item := jobs.get()) is not None:
        rest(item)


count = 2 * ITEMS if how == "balanced" else ITEMS
consumer = threading.Thread(target=consume, name="consumer")
consumer.start()
for item in range(count):
    work(item)
    jobs.put(item)
jobs.put(None)
consumer.join()
print("items", count)
