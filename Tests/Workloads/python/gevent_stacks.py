"""Waits for a pipe from deep within greenlets, each of which was begun and goes on somewhere else."""
import functools
import os
import threading
import time

import greenlet

reader, writer = os.pipe()
main = greenlet.getcurrent()


def write_later():
    for _ in range(2):
        time.sleep(0.03)
        os.write(writer, b"x")


def wait(_=None):
    os.read(reader, 1)
    return 0


# Calls of Python by C by Python.
def innermost(_):
    main.switch()
    return sorted([1], key=wait)


def inner(_):
    return functools.reduce(lambda *_: innermost(_), [1, 2])


def outer():
    return list(map(inner, [1]))


def recurse(depth):
    if depth:
        return recurse(depth - 1)
    main.switch()
    wait()


def begin(one):
    sorted([1], key=lambda _: one.switch())


def go_on(depth, one):
    if depth:
        return go_on(depth - 1, one)
    one.switch()


thread = threading.Thread(target=write_later)
thread.start()
first, second = greenlet.greenlet(outer), greenlet.greenlet(functools.partial(recurse, 4))
first.switch()
begin(second)
go_on(10, first)
begin(second)
thread.join()
