"""Threads that always want the interpreter's lock, and one that mostly sleeps."""
import threading
import time


def compute(end):
    while time.perf_counter() < end:
        pass


def rest(end):
    while time.perf_counter() < end:
        time.sleep(0.001)


begin = time.perf_counter_ns()
end = time.perf_counter() + 1
burner = threading.Thread(target=compute, args=(end,), name="burner")
sleeper = threading.Thread(target=rest, args=(end,), name="sleeper", daemon=True)
burner.start()
sleeper.start()
compute(end)
burner.join()
sleeper.join()
print("wall", time.perf_counter_ns() - begin)
