"""Signals whose handler in C writes to a socket, while the program enters and leaves functions that are gone
at once."""
import signal
import socket

WAKEUPS = 200
there, here = socket.socketpair()
there.setblocking(False)
signal.set_wakeup_fd(there.fileno())
received = 0


def spin(depth):
    function = eval("lambda depth: depth and spin(depth - 1)")
    return function(depth)


def receive(*_):
    global received
    received += len(here.recv(4096))


signal.signal(signal.SIGALRM, receive)
while received < WAKEUPS:
    # One at a time, however slow the machine is.
    before = received
    signal.setitimer(signal.ITIMER_REAL, 0.0005)
    while received == before:
        spin(100)
print("wakeups", received)
