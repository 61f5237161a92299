"""Locks and the like that two processes share: the one has each until it sees that the other sleeps, and
20 ms longer; the other times its waits."""
import multiprocessing
import os
import sys

from multi import Measure, keep_waiting, say

ROUNDS = 3
ALONE = 100


def make_things(context):
    return {
        "lock": context.Lock(),
        "rlock": context.RLock(),
        "semaphore": context.Semaphore(2),
        "bounded": context.BoundedSemaphore(1),
        "condition": context.Condition(),
        "event": context.Event(),
        "barrier": context.Barrier(2),
        "value": context.Value("i", 0),
    }


# What the one that has it does. `when_wanted` returns when the other has waited for a while.


def hold_lock(lock, when_wanted):
    with lock:
        when_wanted()


def hold_rlock(lock, when_wanted):
    with lock:
        with lock:
            when_wanted()


def hold_value(value, when_wanted):
    with value.get_lock():
        when_wanted()


def hold_semaphore(semaphore, when_wanted):
    semaphore.acquire()
    semaphore.acquire()
    when_wanted()
    semaphore.release()
    semaphore.release()


def hold_bounded(semaphore, when_wanted):
    with semaphore:
        when_wanted()


def hold_condition(condition, when_wanted):
    when_wanted()
    with condition:
        condition.notify()


def hold_event(event, when_wanted):
    event.clear()
    when_wanted()
    event.set()


def hold_barrier(barrier, when_wanted):
    when_wanted()
    barrier.wait()


# What the other does.


def want_lock(lock, measure):
    measure("lock", lock.acquire)
    lock.release()


def want_rlock(lock, measure):
    measure("rlock", lock.acquire)
    lock.release()


def want_value(value, measure):
    measure("value", value.get_lock().acquire)
    value.get_lock().release()


def want_semaphore(semaphore, measure):
    measure("semaphore", semaphore.acquire)
    semaphore.release()


def want_bounded(semaphore, measure):
    measure("bounded", semaphore.acquire)
    semaphore.release()


def want_condition(condition, measure):
    with condition:
        measure("condition", condition.wait)


def want_event(event, measure):
    measure("event", event.wait)


def want_barrier(barrier, measure):
    measure("barrier", barrier.wait)


def hold_all(things, connection, prefix, other):
    held = Measure()
    for name, thing in things.items():
        for _ in range(ROUNDS):

            def when_wanted():
                connection.send(name)
                connection.recv()
                held.add(f"{prefix}{name}_held", keep_waiting(other))

            globals()["hold_" + name](thing, when_wanted)
            connection.recv()
    connection.send(None)
    held.say()


def want_all(things, connection, prefix):
    measure = Measure()
    while True:
        name = connection.recv()
        if name is None:
            break

        def once(_, call):
            connection.send("now")
            measure.once(prefix + name, call)

        globals()["want_" + name](things[name], once)
        connection.send("done")
    measure.say()


def work_alone(things):
    for _ in range(ALONE):
        with things["lock"], things["rlock"], things["rlock"], things["semaphore"]:
            pass


def child(things, connection, parent):
    want_all(things, connection, "")
    hold_all(things, connection, "back_", parent)
    work_alone(things)


def main():
    context = multiprocessing.get_context(sys.argv[1])
    things = make_things(context)
    here, there = context.Pipe()
    process = context.Process(target=child, args=(things, there, os.getpid()))
    process.start()
    say("child", process.pid)
    hold_all(things, here, "", process.pid)
    want_all(things, here, "back_")
    process.join()
    assert process.exitcode == 0
    work_alone(things)
    say("rounds", ROUNDS)
    say("alone", ALONE)


if __name__ == "__main__":
    main()
