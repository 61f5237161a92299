"""Processes that are started in every way and leave in every way, each after work of its own."""
import multiprocessing
import os
import queue
import signal
import subprocess
import sys
import threading
import time

from multi import say


def work(name, items):
    """Puts so many items into a queue of the process's own."""
    own = queue.Queue()
    for item in range(items):
        own.put(item)
    say(f"{name}_pid", os.getpid())
    say(f"{name}_parent", os.getppid())
    say(f"{name}_items", items)


def leave(name, items):
    work(name, items)
    os._exit(0)


def die(name, items):
    work(name, items)
    os.kill(os.getpid(), signal.SIGKILL)


def stay(name, items, ready):
    work(name, items)
    ready.set()
    time.sleep(60)


def nest(name, items):
    child = multiprocessing.get_context("fork").Process(target=work, args=(name + "_child", items + 1))
    child.start()
    child.join()
    work(name, items)


class Worker(multiprocessing.get_context("fork").Process):
    def run(self):
        work("own_class", 21)


def main():
    for number, method in enumerate(("fork", "spawn", "forkserver")):
        context = multiprocessing.get_context(method)
        first = 1 + 5 * number
        quiet = context.Process(target=work, args=(method, first), name=f"own {method}")
        leaving = context.Process(target=leave, args=(method + "_leave", first + 1))
        dying = context.Process(target=die, args=(method + "_die", first + 2))
        ready = context.Event()
        staying = context.Process(target=stay, args=(method + "_stay", first + 3, ready))
        staying.daemon = True
        for process in quiet, leaving, dying, staying:
            process.start()
        ready.wait()
        staying.terminate()
        for process in quiet, leaving, dying, staying:
            process.join()
        assert leaving.exitcode == 0 and dying.exitcode == -signal.SIGKILL
        assert staying.exitcode == -signal.SIGTERM
    nesting = multiprocessing.get_context("fork").Process(target=nest, args=("nest", 16))
    nesting.start()
    nesting.join()
    worker = Worker()
    worker.start()
    worker.join()
    child = os.fork()
    if child == 0:
        threading.Thread(target=work, args=("by_hand", 18)).start()
        time.sleep(0)
        for thread in threading.enumerate():
            if thread is not threading.current_thread():
                thread.join()
        os._exit(0)
    os.waitpid(child, 0)
    subprocess.run([sys.executable, __file__, "program", "19"], check=True)
    say("pid", os.getpid())


if __name__ == "__main__":
    if len(sys.argv) > 1:
        work(sys.argv[1], int(sys.argv[2]))
    else:
        main()
