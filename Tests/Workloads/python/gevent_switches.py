"""Greenlets of all sorts, which count how often each function runs."""
import functools
import threading
import time

import gevent
import greenlet

runs = {}


def ran(name):
    runs[name] = runs.get(name, 0) + 1


# Without gevent, from one to another and back.
main = greenlet.getcurrent()


def ping():
    ran("ping")
    for _ in range(99):
        pong_greenlet.switch()
        ran("ping")
    main.switch()
    ran("ping")


def pong():
    ran("pong")
    while True:
        ping_greenlet.switch()
        ran("pong")


ping_greenlet, pong_greenlet = greenlet.greenlet(ping), greenlet.greenlet(pong)
ping_greenlet.switch()
ping_greenlet.switch()
# It is thrown into, and ends.
pong_greenlet.throw(greenlet.GreenletExit)
ran("pong")


# Many, one after the other at the same address.
def short():
    ran("short")


for _ in range(300):
    greenlet.greenlet(short).switch()


# Made to end when nobody has it any more, by one that then takes its time.
def abandoned():
    ran("abandoned")
    try:
        main.switch()
    finally:
        ran("abandoned")


for _ in range(20):
    one = greenlet.greenlet(abandoned)
    one.switch()
    del one
start = time.monotonic_ns()
time.sleep(0.03)
print("taken", time.monotonic_ns() - start)


# All ways to say what a greenlet does.
class Callable:
    def __call__(self):
        ran("Callable")

    def method(self, _):
        ran("Callable.method")


class Subclass(gevent.Greenlet):
    def _run(self):
        ran("Subclass._run")


class Raw(greenlet.greenlet):
    def run(self):
        ran("Raw.run")


def sleeper(times):
    ran("sleeper")
    for _ in range(times):
        gevent.sleep(0)
        ran("sleeper")


def blocker():
    ran("blocker")
    start = time.monotonic_ns()
    time.sleep(0.15)
    print("blocked", time.monotonic_ns() - start)


Raw().switch()
started = [
    gevent.spawn(functools.partial(functools.partial(sleeper, 7))),
    gevent.spawn(sleeper, 5),
    gevent.spawn(Callable().method, 1),
    gevent.spawn(Callable()),
    Subclass(),
    gevent.spawn(blocker),
]
started[4].start()
gevent.joinall(started)
assert all(one.successful() for one in started)


# In a thread of its own, without gevent and with it.
def inner():
    ran("inner")
    for _ in range(9):
        greenlet.getcurrent().parent.switch()
        ran("inner")


def thread():
    one = greenlet.greenlet(inner)
    for _ in range(10):
        one.switch()
    gevent.joinall([gevent.spawn(sleeper, 3)])


one = threading.Thread(target=thread)
one.start()
one.join()


# A tracer of the program's is called as often as ever, and is the only one that can be seen.
events = []


def tracer(event, arguments):
    events.append(event)


def broken(event, arguments):
    raise ValueError("broken")


assert greenlet.gettrace() is None and greenlet.settrace(tracer) is None
for _ in range(10):
    greenlet.greenlet(short).switch()
assert greenlet.gettrace() is tracer and greenlet.settrace(broken) is tracer
assert len(events) == 20, len(events)
try:
    greenlet.greenlet(short).switch()
except ValueError:
    # It began, and did no more.
    ran("short")
assert greenlet.gettrace() is None

for name, count in runs.items():
    print(name, count)
