"""Two threads that take two locks in opposite orders, and do hang."""

import threading

one_lock = threading.Lock()
other_lock = threading.Lock()
both = threading.Barrier(2)


def take(first, second):
    """Takes one lock, waits until the other thread has its own, and wants that."""
    with first:
        both.wait()
        with second:
            print("never")


def forwards():
    """Takes them in one order."""
    take(one_lock, other_lock)


def backwards():
    """Takes them in the other."""
    take(other_lock, one_lock)


threads = [threading.Thread(target=target, name=target.__name__) for target in (forwards, backwards)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
