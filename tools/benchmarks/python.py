"""Rows about Python: what its threads, tasks and queues cost more in a recording."""

import os
import shutil
import statistics
import subprocess
import sys

from harness import HERE, in_turns, ratios, run
from rows import Line, Row, absent

PYTHON = "/usr/bin/python3" if os.access("/usr/bin/python3", os.X_OK) else sys.executable
PROGRAMS = HERE / "programs"

# What is done, what it is called, and by how many nanoseconds it may be slower.
OPERATIONS = [
    ("gil", "GIL dropped and taken", 50),
    ("lock", "Lock acquired and released", None),
    ("queue", "queue.Queue put and get", 150),
    ("simple_queue", "queue.SimpleQueue put and get", None),
    ("task", "asyncio task step", 100),
    ("switch", "greenlet switch", 150),
]


def rounds(output):
    return [float(line) for line in output.split()]


def has_module(name):
    return subprocess.run([PYTHON, "-c", f"import {name}"], stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL, check=False).returncode == 0


def viztracer_command(bench):
    """The peer that people use for this, where it is installed for the same interpreter."""
    if not bench.has_peers or not has_module("viztracer"):
        return None
    return [PYTHON, "-m", "viztracer", "--quiet", "-o", bench.folder / "viztracer.json"]


def operations(bench):
    """Nanoseconds that one operation takes more."""
    count, times = ("2000", "10") if bench.quick else ("4000", "40")
    row = Row("Python: one operation", command=f"python3 python.py WHAT {count} {times}")
    viztracer = viztracer_command(bench)
    for what, name, target in OPERATIONS:
        if what == "switch" and not has_module("greenlet"):
            row.lines.append(absent(name))
            continue
        command = [PYTHON, PROGRAMS / "python.py", what, count, times]
        variants = {
            "bare": lambda command=command: min(rounds(run(command))),
            "ctrace": lambda command=command: min(
                rounds(bench.record(command, "--sched", "off")[0])),
        }
        if viztracer:
            variants["viztracer"] = lambda command=command: min(rounds(run(viztracer + command[1:])))
        results = in_turns(bench.turns, variants)
        bare = statistics.median(results["bare"])
        added = statistics.median(
            value - base for value, base in zip(results["ctrace"], results["bare"]))
        row.lines.append(Line(f"{name}, bare", f"{bare:.0f} ns"))
        row.lines.append(Line(
            "  ctrace", f"{added:+.0f} ns", f"{ratios(results, 'ctrace', 'bare'):.2f}",
            f"≤ +{target} ns" if target else "", added <= target if target else None))
        if viztracer:
            value = statistics.median(results["viztracer"])
            row.lines.append(Line("  viztracer", f"{value:.0f} ns",
                                  f"{ratios(results, 'viztracer', 'bare'):.2f}"))
    if not viztracer:
        row.lines.append(absent("viztracer"))
    return row


def gil(bench):
    """Threads that compute and one that sleeps: how much longer, and how much on disk."""
    seconds = "0.5" if bench.quick else "2"
    row = Row("Python: threads fight for the GIL", command=f"python3 fight.py {seconds}")
    command = [PYTHON, PROGRAMS / "fight.py", seconds]
    sizes = []

    def recorded():
        output, size, _ = bench.record(command)
        sizes.append(size)
        return rounds(output)[0]

    variants = {"bare": lambda: rounds(run(command))[0], "ctrace": recorded}
    viztracer = viztracer_command(bench)
    if viztracer:
        variants["viztracer"] = lambda: rounds(run(viztracer + command[1:]))[0]
    results = in_turns(bench.turns, variants)
    for name in variants:
        ratio = ratios(results, "bare", name)
        row.lines.append(Line(
            name, f"{statistics.median(results[name]):.0f}/s", "" if name == "bare" else f"{ratio:.2f}",
            "≤ 1.05" if name == "ctrace" else "", ratio <= 1.05 if name == "ctrace" else None,
            f"{statistics.median(sizes) / 1000:.0f} kB on disk" if name == "ctrace" else ""))
    return row


def service(bench):
    """Requests a second that a service on aiohttp answers."""
    seconds, times = ("0.5", "2") if bench.quick else ("2", "3")
    row = Row("Python: an aiohttp service", command=f"python3 service.py {seconds} {times}")
    if not has_module("aiohttp"):
        row.lines.append(absent("python3-aiohttp"))
        return row
    command = [PYTHON, PROGRAMS / "service.py", seconds, times]
    results = in_turns(max(bench.turns, 4 if bench.quick else 8), {
        "bare": lambda: statistics.median(rounds(run(command))),
        "ctrace": lambda: statistics.median(rounds(bench.record(command)[0])),
        "ctrace --sched off": lambda: statistics.median(
            rounds(bench.record(command, "--sched", "off", "--queue-depth", "off")[0])),
    })
    for name, values in results.items():
        ratio = ratios(results, "bare", name)
        is_aimed = name == "ctrace"
        row.lines.append(Line(
            name, f"{statistics.median(values):.0f}/s", "" if name == "bare" else f"{ratio:.2f}",
            "≤ 1.03" if is_aimed else "", ratio <= 1.03 if is_aimed else None))
    return row
