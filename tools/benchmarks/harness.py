"""What every row of the benchmark needs: building, running, and the peers.

A row runs its variants in turn, again and again, so that whatever the machine does meanwhile happens to
all of them. Ratios are made within one turn.
"""

import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent
LTTNG_WRAPPER = "liblttng-ust-pthread-wrapper.so.1"


class BenchmarkError(Exception):
    """Ends the benchmark with one line."""


def say(text):
    """Progress goes to stderr, so that the table alone is on stdout."""
    print(text, file=sys.stderr, flush=True)


def run(command, environment=None, **options):
    """Runs a command that must succeed; returns its standard output."""
    result = subprocess.run(
        [str(part) for part in command], env=environment, text=True, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, **options)
    if result.returncode != 0:
        last = (result.stderr.strip() or result.stdout.strip() or "no message").splitlines()[-1]
        name = " ".join(str(part) for part in command)
        raise BenchmarkError(f"{name} failed with {result.returncode}: {last}")
    return result.stdout


class Workbench:
    """A temporary folder with the built programs, and what can be measured on this machine."""

    def __init__(self, ctrace, turns, quick):
        self.ctrace = ctrace
        self.turns = turns
        self.quick = quick
        self.folder = Path(tempfile.mkdtemp(prefix="ctrace-benchmarks."))
        self.lttng = None
        self.has_peers = True
        self.compile_programs()

    def close(self):
        if self.lttng is not None:
            self.lttng.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def compile_programs(self):
        say("compiling the programs")
        flags = ["-std=gnu17", "-O2", "-Wall", "-Wextra", "-Werror", "-D_GNU_SOURCE"]
        source = HERE / "programs"
        for name in ["pairs", "waits", "relay", "memcached-load"]:
            run(["gcc", *flags, "-fno-omit-frame-pointer", "-pthread", "-o", self.folder / name,
                 source / f"{name}.c"])
        run(["gcc", *flags, "-fomit-frame-pointer", "-pthread", "-o",
             self.folder / "waits-without-frame-pointers", source / "waits.c"])
        run(["gcc", *flags, "-fno-omit-frame-pointer", "-pthread", "-o", self.folder / "words",
             "-I", REPOSITORY / "Sources" / "CTraceHeader" / "include", source / "words.c"])
        run(["gcc", *flags, "-shared", "-fPIC", "-o", self.folder / "full-recording.so",
             source / "full-recording.c"])
        if shutil.which("swiftc") is not None:
            run(["swiftc", "-O", "-o", self.folder / "async", source / "async.swift"])

    def program(self, name):
        return self.folder / name

    def start_lttng(self):
        """LTTng's session daemon, or None where it is left out or not installed."""
        if self.lttng is None and self.has_peers and has_lttng():
            self.lttng = Lttng(self.folder)
        return self.lttng

    def record(self, command, *options):
        """Records a command; returns its output, the size of the file, and the recording's numbers."""
        file = self.folder / "run.ctrace"
        output = run([self.ctrace, "record", "--quiet", *options, "-o", file, *command])
        report = json.loads(run([self.ctrace, "report", "--format", "json", file]))
        return output, file.stat().st_size, report["recording"]


def has_lttng():
    return shutil.which("lttng-sessiond") is not None and any(
        (Path(folder) / LTTNG_WRAPPER).exists()
        for folder in [f"/usr/lib/{os.uname().machine}-linux-gnu", "/usr/lib", "/usr/lib64"])


class Lttng:
    """A session daemon of our own, unless one runs already."""

    def __init__(self, folder):
        self.folder = folder / "lttng"
        self.folder.mkdir()
        self.environment = dict(os.environ, LTTNG_HOME=str(self.folder))
        self.daemon = None
        if self.answers():
            return
        say("starting LTTng's session daemon")
        self.daemon = subprocess.Popen(
            ["lttng-sessiond", "--no-kernel"], env=self.environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(100):
            if self.daemon.poll() is not None:
                raise BenchmarkError("lttng-sessiond does not start; leave LTTng out with --no-peers")
            if self.answers():
                return
            time.sleep(0.1)
        self.close()
        raise BenchmarkError("lttng-sessiond does not answer; leave LTTng out with --no-peers")

    def answers(self):
        return subprocess.run(
            ["lttng", "list"], env=self.environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode == 0

    def close(self):
        """Ends the daemon only where it is ours."""
        if self.daemon is not None and self.daemon.poll() is None:
            self.daemon.terminate()
            try:
                self.daemon.wait(10)
            except subprocess.TimeoutExpired:
                self.daemon.kill()
                self.daemon.wait()

    def record(self, command, keep=None):
        """Runs a command with every mutex call traced; returns output, events lost, bytes on disk.

        With `keep`, the trace stays in that folder.
        """
        session = f"ctrace-benchmark-{os.getpid()}"
        trace = keep or self.folder / "trace"
        shutil.rmtree(trace, ignore_errors=True)
        self.control("create", session, f"--output={trace}")
        try:
            self.control("enable-channel", "--userspace", f"--session={session}",
                         "--subbuf-size=4M", "--num-subbuf=8", "locks")
            self.control("enable-event", "--userspace", f"--session={session}",
                         "--channel=locks", "lttng_ust_pthread:*")
            self.control("start", session)
            output = run(command, dict(self.environment, LD_PRELOAD=LTTNG_WRAPPER))
            self.control("stop", session)
            found = re.search(r"Discarded events: (\d+)", self.control("list", session))
        finally:
            self.control("destroy", session)
        size = sum(file.stat().st_size for file in trace.rglob("*") if file.is_file())
        if keep is None:
            shutil.rmtree(trace, ignore_errors=True)
        return output, int(found.group(1)) if found else None, size

    def control(self, *arguments):
        return run(["lttng", *arguments], self.environment)


def rounds_of(output):
    """The best and the median round that a program printed."""
    found = re.search(r"best ([0-9.]+) median ([0-9.]+)", output)
    if found is None:
        raise BenchmarkError(f"a program printed no result: {output!r}")
    return float(found.group(1)), float(found.group(2))


def in_turns(turns, variants):
    """Runs every variant once in each turn, in alternating order; returns the results by name."""
    results = {name: [] for name in variants}
    for turn in range(turns):
        order = list(variants) if turn % 2 == 0 else list(reversed(variants))
        for name in order:
            results[name].append(variants[name]())
    return results


def ratios(results, name, base):
    """The median of what one variant took per turn, as multiples of another in the same turn."""
    return statistics.median(
        value / reference for value, reference in zip(results[name], results[base]))


def machine():
    """What the numbers depend on."""
    model = "unknown CPU"
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.lower().startswith(("model name", "cpu model")):
            model = line.split(":", 1)[1].strip()
            break
    system = os.uname()
    load = " ".join(f"{value:.1f}" for value in os.getloadavg())
    libc = os.confstr("CS_GNU_LIBC_VERSION") or "unknown libc"
    is_virtual = "hypervisor" in Path("/proc/cpuinfo").read_text(encoding="utf-8")
    return (f"{model}, {os.cpu_count()} CPUs{' (virtual)' if is_virtual else ''}, "
            f"Linux {system.release} {system.machine}, {libc}, load {load}")
