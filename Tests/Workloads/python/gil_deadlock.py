"""One thread has a mutex and wants the interpreter's lock, which another has that wants the mutex."""

import ctypes
import threading
import time

# A call through the one keeps the interpreter's lock, a call through the other gives it up meanwhile.
keeping, giving_up = ctypes.PyDLL(None), ctypes.CDLL(None)
mutex = ctypes.create_string_buffer(64)
has_mutex = threading.Event()


def owner():
    """Has the mutex when it comes back from its sleep."""
    giving_up.pthread_mutex_lock(mutex)
    has_mutex.set()
    time.sleep(0.1)
    giving_up.pthread_mutex_unlock(mutex)


def keeper():
    """Waits for the mutex with the interpreter's lock."""
    has_mutex.wait()
    keeping.pthread_mutex_lock(mutex)


threads = [threading.Thread(target=target, name=target.__name__) for target in (owner, keeper)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
