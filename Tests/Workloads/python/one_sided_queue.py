"""A queue between two threads, of which one is slower: `full`, `empty` or `balanced`."""

import hashlib
import queue
import sys
import threading
import time

ITEMS = 25
# Rounds of computing before each item is put in, and seconds after each was taken out.
PACES = {"full": (0, 0.01), "empty": (60000, 0), "balanced": (10000, 0.005)}
rounds, pause = PACES[sys.argv[1]]
jobs = queue.Queue(maxsize=2)


def work():
    """Computes, and lets others have the interpreter meanwhile."""
    if rounds:
        hashlib.pbkdf2_hmac("sha256", b"password", b"salt", rounds)


def consume():
    """Takes all items, at its own pace."""
    while jobs.get() is not None:
        time.sleep(pause)


consumer = threading.Thread(target=consume, name="consumer")
consumer.start()
for item in range(ITEMS):
    work()
    jobs.put(item)
jobs.put(None)
consumer.join()
print("items", ITEMS)
