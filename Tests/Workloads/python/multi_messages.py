"""Messages, pools and managers: all that goes from one process to another is counted by who sends it."""
import multiprocessing
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor

from multi import Measure, keep_waiting, say

SENT, BACK, SIMPLE, TASKS, MANAGED = 7, 3, 6, 4, 11


def make_pipe(context):
    return context.Pipe()


def make_simple(context):
    return context.SimpleQueue()


def make_joinable(context):
    return context.JoinableQueue()


def square(number):
    return number * number


def slow(number):
    time.sleep(0.001)
    return number


def receive(connection, start, measure):
    start.wait()
    for number in range(SENT):
        assert connection.recv()[0] == number
    for number in range(BACK):
        connection.send_bytes(b"back")
    measure.once("blocked_recv", connection.recv)
    assert connection.poll(60)


def child(connection, start, simple, joinable, parent):
    measure = Measure()
    receive(connection, start, measure)
    for number in range(SIMPLE):
        simple.put("x" * number * 10_000)
    for _ in range(TASKS):
        joinable.get()
    connection.recv()
    measure.add("joined_held", keep_waiting(parent))
    for _ in range(TASKS):
        joinable.task_done()
    measure.say()


def talk(context):
    measure = Measure()
    here, there = make_pipe(context)
    start, simple, joinable = context.Event(), make_simple(context), make_joinable(context)
    process = context.Process(target=child, args=(there, start, simple, joinable, os.getpid()))
    process.start()
    for number in range(SENT - 1):
        here.send((number, b"x"))
    start.set()
    # More than a call of the kernel moves.
    here.send((SENT - 1, b"x" * 1_000_000))
    for _ in range(BACK):
        assert here.recv_bytes() == b"back"
    measure.add("blocked_recv_held", keep_waiting(process.pid))
    here.send("late")
    for number in range(TASKS):
        joinable.put(number)
    here.send("join")
    for number in range(SIMPLE):
        simple.get()
    measure.once("joined", joinable.join)
    process.join()
    assert process.exitcode == 0
    measure.say()


def pool(context):
    with context.Pool(2) as pool:
        assert pool.map(square, range(20), chunksize=1) == [number * number for number in range(20)]
        pool.close()
        pool.join()
    say("pool_items", 20)


def manage(context):
    with context.Manager() as manager:
        queue, lock = manager.Queue(), manager.Lock()
        for number in range(MANAGED):
            queue.put(number)
        with lock:
            pass
        assert [queue.get() for _ in range(MANAGED)] == list(range(MANAGED))


def execute(context):
    with ProcessPoolExecutor(2, mp_context=context) as executor:
        assert list(executor.map(slow, range(30))) == list(range(30))
    say("executor_items", 30)


def main():
    context = multiprocessing.get_context(sys.argv[1])
    talk(context)
    pool(context)
    manage(context)
    execute(context)
    say("sent", SENT + 2)
    say("back", BACK)
    say("simple", SIMPLE)
    say("tasks", TASKS)
    say("managed", MANAGED)


if __name__ == "__main__":
    main()
