"""The row about names: how long it takes to find functions, files and lines in a large program."""

import concurrent.futures
import os
import statistics

from harness import HERE, run
from rows import Line, Row, timed

FUNCTIONS_IN_A_UNIT = 75


def build(bench, units):
    """A program of so many compile units; the more of them, the larger it is."""
    source = HERE / "programs" / "places.cpp"

    def compile_unit(unit):
        output = bench.folder / f"places{unit}.o"
        run(["g++", "-std=c++17", "-O1", "-g", "-fno-omit-frame-pointer", f"-DUNIT={unit}", "-c",
             source, "-o", output])
        return output

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        objects = list(pool.map(compile_unit, range(units)))
    main = bench.folder / "places-main.c"
    names = [f"unit{unit}" for unit in range(units)]
    main.write_text(
        "\n".join(f"void {name}(void);" for name in names) + "\nint main(void) {\n"
        + "\n".join(f"  {name}();" for name in names) + "\n}\n", encoding="ascii")
    program = bench.folder / "places"
    run(["g++", "-x", "c", main, "-x", "none", *objects, "-pthread", "-o", program])
    return program


def symbols(bench):
    units = 3 if bench.quick else 45
    program = build(bench, units)
    stripped = bench.folder / "places-stripped"
    run(["strip", "-o", stripped, program])
    size = program.stat().st_size / 1e6
    addresses = 3 * FUNCTIONS_IN_A_UNIT * units
    record = [bench.ctrace, "record", "--quiet", "--sched", "off", "-o", bench.folder / "run.ctrace"]
    whole, bare = [], []
    for _ in range(bench.turns):
        whole.append(timed([*record, program])[0])
        bare.append(timed([*record, stripped])[0])
    seconds = statistics.median(whole) - statistics.median(bare)
    row = Row(f"Naming {addresses:,} addresses of a program of {size:.0f} MB",
              command="ctrace record ./places, less the same without debugging information")
    reached = None if bench.quick else seconds <= 2
    row.lines.append(Line("ctrace", f"{seconds:.2f} s", target="≤ 2 s", is_reached=reached))
    return row
