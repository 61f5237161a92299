"""A bounded queue between processes: filled before anything is taken, waited for when it is full and when it
is empty."""
import multiprocessing
import os
import sys

from multi import Measure, keep_waiting, say

CAPACITY = 5
ROUNDS = 4


def make_queue(context):
    return context.Queue(CAPACITY)


def make_endless(context):
    return context.Queue()


def take_late(queue, connection, parent, measure):
    for _ in range(ROUNDS):
        connection.recv()
        measure.add("blocked_put_held", keep_waiting(parent))
        queue.get()
    connection.send("done")
    for _ in range(CAPACITY):
        queue.get()


def take_early(queue, connection, measure):
    for number in range(ROUNDS):
        connection.send("now")
        # With a time limit it is another way through the library.
        measure.once("blocked_get", lambda: queue.get(timeout=60 if number % 2 else None))


def consumer(queue, connection, parent):
    measure = Measure()
    take_late(queue, connection, parent, measure)
    take_early(queue, connection, measure)
    measure.say()


def rival(queue, connection):
    measure = Measure()
    connection.send("now")
    measure.once(f"rival_{os.getpid()}", queue.get)
    measure.say()


def main():
    context = multiprocessing.get_context(sys.argv[1])
    queue, endless = make_queue(context), make_endless(context)
    here, there = context.Pipe()
    process = context.Process(target=consumer, args=(queue, there, os.getpid()))
    process.start()
    for number in range(CAPACITY):
        queue.put(number)
    assert queue.full()
    measure = Measure()
    for _ in range(ROUNDS):
        here.send("now")
        measure.once("blocked_put", queue.put, "late")
    here.recv()
    for _ in range(ROUNDS):
        here.recv()
        measure.add("blocked_get_held", keep_waiting(process.pid))
        queue.put("early")
    process.join()
    assert process.exitcode == 0
    items = CAPACITY + 2 * ROUNDS
    # Of two that want items one holds a lock of the library's meanwhile.
    rivals = [context.Process(target=rival, args=(endless, there)) for _ in range(2)]
    for process in rivals:
        process.start()
        here.recv()
        measure.add("rivals_held", keep_waiting(process.pid))
    # What can't be sent is taken out again.
    endless.put(lambda: None)
    endless.put(b"x" * 200_000)
    endless.put("y")
    for number, process in enumerate(rivals):
        process.join()
        assert process.exitcode == 0
        say(f"rival{number + 1}", process.pid)
    measure.say()
    say("items", items)
    say("capacity", CAPACITY)
    say("rounds", ROUNDS)


if __name__ == "__main__":
    main()
