"""Two threads that compute and one that sleeps: prints how many pieces of work were done a second.

    fight.py SECONDS
"""
import sys
import threading
import time

SECONDS = float(sys.argv[1])
done = [0, 0]
end = time.monotonic() + SECONDS


def compute(place):
    while time.monotonic() < end:
        sum(range(200))
        done[place] += 1


def sleep():
    while time.monotonic() < end:
        time.sleep(0.01)


threads = [threading.Thread(target=compute, args=(place,)) for place in range(2)]
threads.append(threading.Thread(target=sleep))
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(sum(done) / SECONDS)
