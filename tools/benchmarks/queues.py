"""Rows about queues, and about what programs tell of themselves."""

import statistics

from harness import in_turns, rounds_of, run
from rows import Line, Row


def words(bench):
    """What a call of ctrace.h costs, in a program that is recorded and in one that is not."""
    calls, rounds = ("4000", "30") if bench.quick else ("4000", "100")
    row = Row("A call of ctrace.h", command=f"words queue {calls} {rounds}")

    def bare(what):
        return rounds_of(run([bench.program("words"), what, calls, rounds]))[0]

    def recorded(what):
        command = [bench.program("words"), what, calls, rounds]
        return rounds_of(bench.record(command, "--sched", "off")[0])[0]

    for what, name in [("queue", "enqueue, dequeue"), ("slice", "slice"), ("counter", "counter")]:
        results = in_turns(bench.turns, {
            "loop": lambda: bare("none"), "off": lambda what=what: bare(what),
            "on": lambda what=what: recorded(what)})
        off, on = (statistics.median(
            value - loop for value, loop in zip(results[key], results["loop"]))
            for key in ["off", "on"])
        row.lines.append(Line(f"not recorded, {name}", f"{off:.2f} ns", target="≤ 2 ns",
                              is_reached=round(off, 2) <= 2))
        row.lines.append(Line(f"recorded, {name}", f"{on:.0f} ns"))
    return row
