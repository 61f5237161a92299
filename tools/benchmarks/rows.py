"""The rows of the table: each measures one thing in several variants and says what was wanted."""

import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import time
from dataclasses import dataclass, field

from harness import BenchmarkError, in_turns, ratios, rounds_of, run, say

FULL = "full recording (stand-in)"
LTTNG = "LTTng pthread wrapper"
PERF_SCHED = "perf sched record"
PERF_SWITCHES = "perf record --switch-events"
WITH_PIPES = "ctrace, pipes as well"
NOT_ALLOWED = {"kernel": "not without root", "switches": "not allowed"}
# Where a row is about locks alone.
LOCKS_ONLY = ("--sched", "off")


@dataclass
class Line:
    """One variant: what it reached, and whether that is what was wanted."""

    variant: str
    value: str
    ratio: str = ""
    target: str = ""
    is_reached: bool | None = None
    note: str = ""


@dataclass
class Row:
    title: str
    lines: list[Line] = field(default_factory=list)
    command: str = ""


def absent(variant, reason="not installed"):
    return Line(variant, reason)


def absent_peer(bench, variant):
    return absent(variant, "not installed" if bench.has_peers else "left out")


def ratio_line(variant, value, ratio, target=None, note=""):
    """A line whose ratio should not exceed the target."""
    if target is None:
        return Line(variant, value, f"{ratio:.2f}×", note=note)
    return Line(variant, value, f"{ratio:.2f}×", f"≤ {target:g}×", round(ratio, 2) <= target, note)


def mutex_row(bench, title, arguments, targets, statistic=0, count_losses=False):
    """Locks and unlocks under every tracer. `statistic` is 0 for best rounds, 1 for median ones."""
    command = [bench.program("pairs"), *arguments]
    losses = {}

    def tracked(name, result):
        output, lost = result
        losses[name] = losses.get(name, 0) + (lost or 0)
        return rounds_of(output)[statistic]

    def with_ctrace(name, *options):
        output, _, recording = bench.record(command, *options)
        return tracked(name, (output, recording["lostEvents"]))

    def with_lttng():
        output, lost, _ = lttng.record(command)
        return tracked(LTTNG, (output, lost))

    def with_preload():
        return rounds_of(run(command, dict(
            os.environ, LD_PRELOAD=str(bench.program("full-recording.so")))))[statistic]

    variants = {"bare": lambda: rounds_of(run(command))[statistic]}
    lttng = bench.start_lttng()
    if lttng is not None:
        variants[LTTNG] = with_lttng
    variants[FULL] = with_preload
    variants["ctrace"] = lambda: with_ctrace("ctrace")
    variants["ctrace --no-holds"] = lambda: with_ctrace("ctrace --no-holds", "--no-holds")

    results = in_turns(bench.turns, variants)
    combine = min if statistic == 0 else statistics.median
    row = Row(title, command=f"pairs {' '.join(arguments)}")
    for name, values in results.items():
        note = f"{losses[name]:,} events lost" if count_losses and name in losses else ""
        row.lines.append(ratio_line(
            name, f"{combine(values):.1f} ns", ratios(results, name, "bare"),
            targets.get(name), note))
        if name == "bare" and lttng is None:
            row.lines.append(absent_peer(bench, LTTNG))
    return row


def milliseconds(bench):
    return ("10", "10") if bench.quick else ("10", "40")


def uncontended(bench):
    return mutex_row(
        bench, "Uncontended mutex, lock + unlock", ["private", "1", *milliseconds(bench)],
        {"ctrace": 1.35, "ctrace --no-holds": 1.2})


def single_threaded(bench):
    return mutex_row(
        bench, "The same in a program that has one thread only",
        ["alone", "1", *milliseconds(bench)], {})


def private_locks(bench):
    return mutex_row(
        bench, "Two threads, each on a mutex of its own", ["private", "2", *milliseconds(bench)],
        {"ctrace": 1.35, "ctrace --no-holds": 1.2})


def fight(bench):
    # Who gets the lock is a matter of luck, so that the best round says little.
    row = mutex_row(
        bench, "Two threads fighting for one mutex, empty section",
        ["shared", "2", *milliseconds(bench)], {"ctrace": 2}, statistic=1, count_losses=True)
    for line in row.lines:
        if line.variant == "ctrace":
            line.target += ", 0 lost"
            line.is_reached = line.is_reached and line.note.startswith("0 ")
    return row


def recorded_wait(bench):
    row = Row("Recording one wait, 20 frames deep, before and after it",
              command="waits 20 1000 100")
    for name, program, target in [("frame pointers", "waits", 60),
                                  ("unwind tables", "waits-without-frame-pointers", 300)]:
        command = [bench.program(program), "20", "1000", "50" if bench.quick else "100"]
        results = in_turns(bench.turns, {
            "bare": lambda: rounds_of(run(command))[0],
            "ctrace": lambda: rounds_of(bench.record(command)[0])[0]})
        bare, traced = (min(results[key]) for key in ["bare", "ctrace"])
        cost = statistics.median(
            after - before for after, before in zip(results["ctrace"], results["bare"]))
        row.lines.append(Line(f"bare, {name}", f"{bare:.1f} ns"))
        row.lines.append(Line(f"ctrace, {name}", f"{traced:.1f} ns", f"+{cost:.0f} ns",
                              f"≤ +{target} ns", round(cost) <= target))
    return row


def dispatch(bench):
    row = Row("An item of a dispatch queue, a message to an actor", command="async FORM 2000 100")
    if not bench.program("async").exists():
        row.lines.append(absent("async"))
        return row
    for form, target in [("async", 150), ("sync", None), ("actor", None)]:
        command = [bench.program("async"), form, "2000", "50" if bench.quick else "100"]
        results = in_turns(bench.turns, {
            "bare": lambda: rounds_of(run(command))[0],
            "ctrace": lambda: rounds_of(bench.record(command, *LOCKS_ONLY)[0])[0]})
        bare, traced = (min(results[key]) for key in ["bare", "ctrace"])
        cost = statistics.median(
            after - before for after, before in zip(results["ctrace"], results["bare"]))
        row.lines.append(Line(f"bare, {form}", f"{bare:.1f} ns"))
        row.lines.append(Line(f"ctrace, {form}", f"{traced:.1f} ns", f"+{cost:.0f} ns"))
        if target is not None:
            row.lines[-1].target = f"≤ +{target} ns"
            row.lines[-1].is_reached = round(cost) <= target
    return row


def handover(bench):
    steps, rounds = ("2000", "20") if bench.quick else ("2000", "50")
    command = [bench.program("relay"), steps, rounds]
    results = in_turns(bench.turns, {
        "bare": lambda: rounds_of(run(command))[0],
        "ctrace": lambda: rounds_of(bench.record(command)[0])[0]})
    row = Row("A contended lock handed over: one wait, one release, one switch",
              command=f"relay {steps} {rounds}")
    for name, values in results.items():
        row.lines.append(ratio_line(name, f"{min(values):.0f} ns", ratios(results, name, "bare")))
    return row


def pipe_command(count):
    """Two processes on one CPU that wake each other by turns: two switches and up to two wakeups each."""
    return ["taskset", "-c", "0", "perf", "bench", "sched", "pipe", "-l", str(count)]


def pipe_time(output):
    found = re.search(r"([0-9.]+) usecs/op", output)
    if found is None:
        raise BenchmarkError(f"perf bench printed no result: {output!r}")
    return float(found.group(1))


def is_allowed(command):
    """Whether the machine lets this user do it."""
    try:
        run(command)
    except BenchmarkError:
        return False
    return True


def sources(bench):
    """The sources of scheduling, and whether this user may record from each."""
    return {source: is_allowed([bench.ctrace, "record", "--quiet", "--sched", source, "-o",
                                bench.folder / "run.ctrace", "true"])
            for source in ["kernel", "switches"]}


def sched(bench):
    """What it costs to record each switch, where there is nothing but switches."""
    command = pipe_command(50_000 if bench.quick else 200_000)
    row = Row("Two processes on one CPU waking each other, scheduling recorded",
              command=" ".join(command))
    if shutil.which("perf") is None:
        row.lines.append(absent("perf bench"))
        return row
    sizes = {}

    def with_ctrace(source):
        # The row is about scheduling. The pipes between the two are recorded too unless told otherwise.
        output, size, recording = bench.record(
            command, "--queue-depth", "off", "--sched", source)
        lost = sizes[source][2] if source in sizes else 0
        sizes[source] = (size, recording, lost + recording["lostEvents"])
        return pipe_time(output)

    data = bench.folder / "perf.data"
    # As root of all that happens, and as anybody of the program alone.
    peers = {PERF_SCHED: ["perf", "sched", "record", "-o", data, "--"],
             PERF_SWITCHES: ["perf", "record", "--switch-events", "-e", "dummy:u", "-o", data, "--"]}
    targets = {"kernel": 1.6, "switches": 1.4}
    variants = {"bare": lambda: pipe_time(run(command))}
    variants[WITH_PIPES] = lambda: pipe_time(bench.record(command)[0])
    for name, record in peers.items():
        if bench.has_peers and is_allowed([*record, "true"]):
            variants[name] = lambda record=record: pipe_time(run([*record, *command]))
    allowed = sources(bench)
    for source in targets:
        if allowed[source]:
            variants[source] = lambda source=source: with_ctrace(source)
    results = in_turns(bench.turns, variants)
    for name, values in results.items():
        variant = f"ctrace --sched {name}" if name in targets else name
        row.lines.append(ratio_line(
            variant, f"{statistics.median(values):.2f} us", ratios(results, name, "bare"),
            targets.get(name), f"{sizes[name][2]:,} events lost" if name in sizes else ""))
    for source, is_possible in allowed.items():
        if is_possible:
            size, recording, _ = sizes[source]
            row.lines.append(size_line(f"size, --sched {source}", size, recording, True))
        else:
            row.lines.append(absent(f"ctrace --sched {source}", NOT_ALLOWED[source]))
    for name in peers:
        if name not in results:
            row.lines.append(absent(name, "not without root" if bench.has_peers else "left out"))
    return row


def size_line(variant, size, recording, wanted):
    events = recording["events"]
    each = size / max(events, 1)
    return Line(variant, f"{each:.2f} bytes", target="≤ 2 bytes" if wanted else "",
                is_reached=round(each, 2) <= 2 if wanted else None,
                note=f"{events:,} events in {size:,} bytes")


def bytes_per_event(bench):
    row = Row("Bytes per event on disk", command="relay 2000 100; pairs shared 2; pbzip2")
    _, size, recording = bench.record([bench.program("relay"), "2000", "100"], *LOCKS_ONLY)
    row.lines.append(size_line("ctrace, relay", size, recording, True))
    _, size, recording = bench.record(
        [bench.program("pairs"), "shared", "2", "10", "50"], *LOCKS_ONLY)
    row.lines.append(size_line("ctrace, two threads fighting", size, recording, True))
    if shutil.which("pbzip2"):
        _, size, recording = bench.record(pbzip2_command(bench), *LOCKS_ONLY)
        # So few events that names, modules and symbols weigh more than they.
        row.lines.append(size_line("ctrace, pbzip2", size, recording, False))
    else:
        row.lines.append(absent("ctrace, pbzip2"))
    lttng = bench.start_lttng()
    if lttng is None:
        row.lines.append(absent_peer(bench, LTTNG))
    else:
        output, lost, size = lttng.record([bench.program("pairs"), "private", "1", "10", "20"])
        # Three events for each pair: a request, an acquire, an unlock.
        events = 3 * int(re.search(r"pairs (\d+)", output).group(1)) - (lost or 0)
        row.lines.append(Line(LTTNG, f"{size / events:.2f} bytes",
                              note=f"{events:,} events in {size:,} bytes"))
    return row


def timed(command):
    """Seconds that a command takes, and the most memory it had."""
    start = time.monotonic()
    process = subprocess.Popen(
        [str(part) for part in command], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE)
    message = process.stderr.read().decode(errors="replace").strip()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stderr.close()
    if status != 0:
        last = message.splitlines()[-1] if message else "no message"
        raise BenchmarkError(f"{command[0]} failed with {process.returncode}: {last}")
    return time.monotonic() - start, usage.ru_maxrss * 1024


def read_line(variant, events, command, turns, target=None):
    runs = [timed(command) for _ in range(turns)]
    speed = events / min(seconds for seconds, _ in runs) / 1e6
    memory = max(size for _, size in runs) / 1e6
    return Line(variant, f"{speed:.1f} M/s", target=f"≥ {target} M/s" if target else "",
                is_reached=speed >= target if target else None,
                note=f"{events:,} events, {memory:.0f} MB of memory")


def read_speed(bench):
    row = Row("Reading events", command="ctrace report --format json")
    # Waits and releases in equal parts; the second file shows whether memory grows with events.
    for variant, rounds in [("ctrace, short recording", 100 if bench.quick else 250),
                            ("ctrace, long recording", 400 if bench.quick else 1000)]:
        say(f"  recording for '{variant}'")
        _, _, recording = bench.record([bench.program("relay"), "2000", rounds], *LOCKS_ONLY)
        command = [bench.ctrace, "report", "--format", "json", bench.folder / "run.ctrace"]
        row.lines.append(read_line(variant, recording["events"], command, bench.turns, 10))
    read_scheduling(bench, row)
    lttng = bench.start_lttng()
    if lttng is None or shutil.which("babeltrace2") is None:
        row.lines.append(absent_peer(bench, "babeltrace2, decoding only"))
    else:
        trace = bench.folder / "lttng-trace"
        output, lost, _ = lttng.record(
            [bench.program("pairs"), "private", "1", "10", "20"], keep=trace)
        events = 3 * int(re.search(r"pairs (\d+)", output).group(1)) - (lost or 0)
        row.lines.append(read_line("babeltrace2, decoding only", events,
                                   ["babeltrace2", trace, "--output-format=dummy"], 2))
        shutil.rmtree(trace, ignore_errors=True)
    return row


def read_scheduling(bench, row):
    """Reading recordings that hold little but scheduling."""
    if shutil.which("perf") is None:
        row.lines.append(absent("ctrace, scheduling", "perf not installed"))
        return
    for source, is_possible in sources(bench).items():
        variant = f"ctrace, --sched {source}"
        if not is_possible:
            row.lines.append(absent(variant, NOT_ALLOWED[source]))
            continue
        say(f"  recording for '{variant}'")
        _, _, recording = bench.record(
            pipe_command(100_000 if bench.quick else 400_000), "--sched", source)
        command = [bench.ctrace, "report", "--format", "json", bench.folder / "run.ctrace"]
        row.lines.append(read_line(variant, recording["events"], command, bench.turns, 10))


def pbzip2_command(bench):
    """pbzip2 on text that is the same every time."""
    data = bench.folder / "data"
    if not data.exists():
        count = 2_000_000 if bench.quick else 8_000_000
        with data.open("w", encoding="ascii") as file:
            for start in range(0, count, 100_000):
                file.write("\n".join(map(str, range(start, start + 100_000))) + "\n")
    return ["pbzip2", "--keep", "--force", "-p4", data]


def real_line(variant, results):
    """Wall time, traced against bare, as the median of pairwise ratios, with their spread."""
    pairs = sorted(after / before for after, before in zip(results["ctrace"], results["bare"]))
    quarter = len(pairs) // 4
    return ratio_line(
        variant, f"{statistics.median(results['ctrace']):.3f} s", statistics.median(pairs), 1.02,
        f"half of {len(pairs)} pairs within {pairs[quarter]:.3f}–{pairs[-1 - quarter]:.3f}×")


def pbzip2(bench):
    row = Row("A real program: pbzip2 -p4", command="pbzip2 --keep --force -p4 DATA")
    if shutil.which("pbzip2") is None:
        row.lines.append(absent("pbzip2"))
        return row
    command = pbzip2_command(bench)
    record = [bench.ctrace, "record", "--quiet", "-o", bench.folder / "run.ctrace"]
    timed(command)
    results = in_turns(max(bench.turns, 4 if bench.quick else 12), {
        "bare": lambda: timed(command)[0], "ctrace": lambda: timed([*record, *command])[0]})
    row.lines.append(Line("bare", f"{statistics.median(results['bare']):.3f} s", "1.00×"))
    row.lines.append(real_line("ctrace", results))
    return row


def memcached(bench):
    requests = 20_000 if bench.quick else 50_000
    row = Row("A real program: memcached, 8 connections",
              command=f"memcached -t 4; memcached-load SOCKET 8 {requests}")
    if shutil.which("memcached") is None:
        row.lines.append(absent("memcached"))
        return row
    # A user's name is wanted from root alone.
    user = ["-u", "root"] if os.geteuid() == 0 else []
    socket = bench.folder / "memcached.socket"

    def served(prefix):
        socket.unlink(missing_ok=True)
        server = subprocess.Popen(
            [str(part) for part in [*prefix, "memcached", "-t", "4", "-s", socket, *user]],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            output = run([bench.program("memcached-load"), socket, "8", requests])
        finally:
            server.send_signal(signal.SIGTERM)
            try:
                server.wait(30)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()
        return float(re.search(r"seconds ([0-9.]+)", output).group(1))

    record = [bench.ctrace, "record", "--quiet", "-o", bench.folder / "run.ctrace"]
    served([])
    results = in_turns(max(bench.turns, 4 if bench.quick else 12), {
        "bare": lambda: served([]), "ctrace": lambda: served(record)})
    row.lines.append(Line("bare", f"{statistics.median(results['bare']):.3f} s", "1.00×"))
    row.lines.append(real_line("ctrace", results))
    recording = json.loads(run(
        [bench.ctrace, "report", "--format", "json", bench.folder / "run.ctrace"]))["recording"]
    row.lines[-1].note += f"; {recording['events']:,} events, {recording['lostEvents']:,} lost"
    return row


ROWS = {
    "uncontended": uncontended,
    "single-threaded": single_threaded,
    "private": private_locks,
    "fight": fight,
    "wait": recorded_wait,
    "dispatch": dispatch,
    "handover": handover,
    "sched": sched,
    "bytes": bytes_per_event,
    "read": read_speed,
    "pbzip2": pbzip2,
    "memcached": memcached,
}
