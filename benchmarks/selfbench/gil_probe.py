"""How right is the GIL probe, and what does it cost? The tables of docs/checked.md come from here.

    python benchmarks/selfbench/gil_probe.py [held waiting holds observer] [--seconds S] [--pairs N] [--json FILE]

Needs gilscope for the interpreter that runs it, nothing else. Takes a quarter of an hour, two thirds for the observer.

held
    The share of time the GIL is held, against a thread that holds and releases it for known times and keeps its own
    clock: at the fixed rate of diagnostic rounds, with gilknocker beside it if installed, and at the adaptive rate.
waiting
    Threads that spin in byte code (N - 1 wait), sleep, or hash with the GIL released (nobody waits).
holds
    Hold lengths: byte code against C code that holds the GIL for 20 ms at a time.
observer
    The same work with and without the monitor, lines on, in interleaved pairs: in its process and attached, with a CPU
    to spare, 200 threads, a program that changes all the time, and all CPUs busy.

Each part ends with what was promised and whether it holds; exit status 1 when something does not.
"""

from __future__ import annotations

import argparse
import gc
import hashlib
import importlib
import json
import math
import os
import platform
import random
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from gilscope.stats import median_interval
from gilscope.telemetry._gilprobe import duty
from gilscope.telemetry.attach import AttachedMonitor
from gilscope.telemetry.gil import DIAGNOSTIC_RATE_HZ, GilMonitor, probe_availability
from gilscope.telemetry.sampler import cpu_capacity

try:
    from gilknocker import KnockKnock
except ImportError:
    KnockKnock = None

SHARES = (0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0)
SHORT_S = (10e-6, 100e-6)  # the shorter part of a cycle; the third choice makes the longer one LONG_S
LONG_S = 5e-3
C_HOLD_S = 20e-3
CROWD = 200


def cells() -> list[tuple[float, float, float]]:
    """Share, hold and release in seconds."""
    out = []
    for share in SHARES:
        if share in (0.0, 1.0):
            out.append((share, 0.0 if share == 0.0 else LONG_S, LONG_S if share == 0.0 else 0.0))
            continue
        odds = share / (1.0 - share)
        for short in (*SHORT_S, LONG_S * min(odds, 1.0 / odds)):
            hold, release = (short, short / odds) if odds < 1.0 else (short * odds, short)
            out.append((share, hold, release))
    return out


def knocked(seconds: float) -> list[float]:
    """Return by how much gilknocker is off in each cell; nothing where it is not installed."""
    errors = []
    for _, hold_s, release_s in cells() if KnockKnock is not None else ():
        knocker = KnockKnock(polling_interval_micros=1000)
        knocker.start()
        held_ns, wall_ns, _ = duty(hold_s, release_s, seconds)
        errors.append(abs(knocker.contention_metric - held_ns / wall_ns))
        knocker.stop()
    return errors


def held(seconds: float, rate_hz: float | None) -> list[dict[str, Any]]:
    """One row per cell: the truth, the reading and its interval."""
    rows = []
    for share, hold_s, release_s in cells():
        with GilMonitor(rate_hz) as gil:
            held_ns, wall_ns, _ = duty(hold_s, release_s, seconds)
        true, read = held_ns / wall_ns, gil.held
        error = read.value - true
        standard = max((read.high - read.low) / (2 * 1.96), 1e-9)
        rows.append(
            {
                "share": share,
                "hold_us": hold_s * 1e6,
                "release_us": release_s * 1e6,
                "true": true,
                "read": read.value,
                "low": read.low,
                "high": read.high,
                "error": error,
                "covered": read.low <= true <= read.high,
                "within_two_standard_errors": abs(error) <= 2.0 * standard,
                "samples": read.n,
                "cost": gil.reading.cost,
            }
        )
    return rows


def print_held(rows: Sequence[dict[str, Any]], title: str) -> None:
    """Print the cells and their summary."""
    print(f"\n{title}")
    print(f"{'hold us':>8} {'free us':>8} {'true':>7} {'read':>7} {'low':>7} {'high':>7} {'error':>8}")
    for row in rows:
        print(
            f"{row['hold_us']:8.0f} {row['release_us']:8.0f} {row['true']:7.4f} {row['read']:7.4f} {row['low']:7.4f} "
            f"{row['high']:7.4f} {row['error']:+8.4f}"
        )
    errors = [abs(row["error"]) for row in rows]
    print(
        f"mean error {statistics.mean(errors):.4f}, worst {max(errors):.4f}, "
        f"{statistics.mean(row['samples'] for row in rows):.0f} samples per cell, "
        f"own CPU {statistics.mean(row['cost'] for row in rows):.2%}"
    )


def promised(what: str, holds: bool) -> bool:
    """Print whether a promise holds, and return it."""
    print(f"{'holds' if holds else 'FAILS'}: {what}", flush=True)
    return holds


def at_most(failures: int, trials: int, share: float) -> float:
    """Return the chance of no more than so many failures when each trial fails with probability ``share``."""
    return math.fsum(math.comb(trials, k) * share**k * (1.0 - share) ** (trials - k) for k in range(failures + 1))


def judged_held(fixed: Sequence[dict[str, Any]], adaptive: Sequence[dict[str, Any]]) -> bool:
    """Hold the errors against what was promised.

    Intervals that cover with exactly 95 % miss some cells of a few: more misses than chance brings in one run of
    twenty are a failure.
    """
    errors = [abs(row["error"]) for row in fixed]
    mean, worst = statistics.mean(errors), max(errors)
    fine = promised(f"at {DIAGNOSTIC_RATE_HZ:.0f} Hz mean error {mean:.4f} <= 0.01, worst {worst:.4f} <= 0.02",
                    mean <= 0.01 and worst <= 0.02)  # fmt: skip
    near = sum(row["within_two_standard_errors"] for row in adaptive)
    chance = 1.0 - at_most(len(adaptive) - near - 1, len(adaptive), 0.05)
    return fine & promised(
        f"adaptive: {near} of {len(adaptive)} cells ({near / len(adaptive):.1%}) within two standard errors; were it "
        f"95 %, so many or more would miss with probability {chance:.2f} >= 0.05",
        chance >= 0.05,
    )


@contextmanager
def threads(count: int, body: Callable[[threading.Event], None]) -> Any:
    """Run ``body(stop)`` in so many threads while the block runs."""
    stop = threading.Event()
    crew = [threading.Thread(target=body, args=(stop,), name=f"crew {i}") for i in range(count)]
    for thread in crew:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in crew:
            thread.join()


def spin(stop: threading.Event) -> None:
    """Byte code."""
    n = 0
    while not stop.is_set():
        n += 1


def doze(stop: threading.Event) -> None:
    """Sleep, a millisecond at a time."""
    while not stop.is_set():
        time.sleep(1e-3)


def digest(stop: threading.Event) -> None:
    """C code that releases the GIL for about 10 ms at a time."""
    while not stop.is_set():
        hashlib.pbkdf2_hmac("sha256", b"x", b"y", 10_000)


def hog(stop: threading.Event) -> None:
    """C code that holds the GIL for 20 ms at a time."""
    while not stop.is_set():
        duty(C_HOLD_S, 0.0, C_HOLD_S)


def waiting(seconds: float) -> list[dict[str, Any]]:
    """Waiting threads, read and expected."""
    rows = []
    for name, body, count in [
        ("spin", spin, 2),
        ("spin", spin, 4),
        ("spin", spin, 8),
        ("sleep", doze, 4),
        ("hash", digest, 4),
    ]:
        with threads(count, body), GilMonitor(DIAGNOSTIC_RATE_HZ) as gil:
            time.sleep(seconds)
        read = gil.waiting
        expected = count - 1.0 if body is spin else 0.0
        row = {"threads": count, "doing": name, "expected": expected, "held": gil.held.value}
        rows.append(row | {"waiting": read.value if read else None, "handovers_per_s": gil.handovers_per_s})
        print(
            f"{count} x {name:5} waiting {rows[-1]['waiting']:.3f} (expected {expected:.0f}), held {gil.held.value:.3f}"
        )
    return rows


def judged_waiting(rows: Sequence[dict[str, Any]]) -> bool:
    """Hold the counts against what was promised."""
    spinning = [row for row in rows if row["expected"]]
    off = max(abs(row["waiting"] / row["expected"] - 1.0) for row in spinning)
    idle = max(row["waiting"] for row in rows if not row["expected"])
    fine = promised(f"spinning threads read N - 1 within {off:.1%} <= 10 %", off <= 0.1)
    return fine & promised(f"sleeping and hashing threads read {idle:.3f} < 0.05", idle < 0.05)


def holds(seconds: float) -> list[dict[str, Any]]:
    """Hold lengths of byte code and of C code, each with two threads."""
    rows = []
    for name, body in (("byte code", spin), ("C, 20 ms", hog)):
        with threads(2, body), GilMonitor(DIAGNOSTIC_RATE_HZ) as gil:
            time.sleep(seconds)
        found = gil.holds
        rows.append({"doing": name, "turn_ms": (found.turn_s or 0) * 1e3, "median_ms": (found.median_s or 0) * 1e3})
        late = found.overdue
        if late is None:
            print(f"{name:10} {gil.overdue_reason}")
            continue
        rows[-1] |= {"overdue": late.value, "low": late.low, "high": late.high}
        print(
            f"{name:10} mean turn {rows[-1]['turn_ms']:.1f} ms, median hold {rows[-1]['median_ms']:.1f} ms, "
            f"overdue {late.value:.3f} [{late.low:.3f}, {late.high:.3f}]"
        )
    return rows


def in_threads(bodies: Sequence[Callable[[], object]]) -> None:
    """Run each in a thread of its own, to its end."""
    crew = [threading.Thread(target=body) for body in bodies]
    for thread in crew:
        thread.start()
    for thread in crew:
        thread.join()


def one_thread(iterations: int) -> None:
    """Byte code in this thread: every other CPU is free."""
    n = 0
    for i in range(iterations):
        n += i


def all_cpus(iterations: int) -> None:
    """One hashing thread per CPU, the GIL released."""
    in_threads([lambda: hashlib.pbkdf2_hmac("sha256", b"x", b"y", iterations)] * int(cpu_capacity()))


def timed(work: Callable[[int], None], size: int) -> float:
    """Seconds of one run."""
    began = time.perf_counter()
    work(size)
    return time.perf_counter() - began


def sized(work: Callable[[int], None], seconds: float) -> int:
    """How much work takes about so long; what starts before it takes its time too."""
    size = 1000
    while (took := timed(work, size)) < seconds / 2:
        size *= 2
    return int(size * seconds / took)


def two_threads(iterations: int) -> None:
    """Byte code in two threads: one waits for the GIL all the time, so each sample reads stacks."""
    in_threads([lambda: one_thread(iterations // 2)] * 2)


def crowd(iterations: int) -> None:
    """The same, beside 198 threads that wait for a lock."""
    done = threading.Event()
    others = [threading.Thread(target=done.wait) for _ in range(CROWD - 2)]
    for thread in others:
        thread.start()
    two_threads(iterations)
    done.set()
    for thread in others:
        thread.join()


def changes(iterations: int) -> None:
    """Threads that begin and end, modules imported anew, forks, collections, code that is compiled and forgotten."""
    in_threads([partial(repeated, body, iterations // often) for body, often in CHANGES.items()])


def repeated(body: Callable[[], object], times: int) -> None:
    """Call it so many times."""
    for _ in range(times):
        body()


def begins_threads() -> None:
    """Five, which end at once."""
    in_threads([lambda: sum(range(2000))] * 5)


def imports_anew() -> None:
    """Three modules, and a collection."""
    for name in ("json.decoder", "colorsys", "textwrap"):
        sys.modules.pop(name, None)
        importlib.import_module(name)
    gc.collect()


def forks() -> None:
    """A child that ends at once."""
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)


def compiles() -> None:
    """A function that is called once."""
    space: dict[str, Any] = {}
    exec(compile("def f(x):" + "\n  x += 1" * 20 + "\n  return [y for y in range(x)]", "<code>", "exec"), space)
    space["f"](30)


CHANGES = {begins_threads: 40, imports_anew: 40, forks: 40, compiles: 10}  # one in so many iterations


class Program:
    """Runs the work in another process, a line of input at a time."""

    def __init__(self, work: str) -> None:
        command = [sys.executable, __file__, "--work", work]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.pid = self._process.pid

    def run(self, size: int) -> float:
        """Seconds that the work took there."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(size, file=self._process.stdin, flush=True)
        return float(self._process.stdout.readline())

    def end(self) -> None:
        """Let it end."""
        self._process.communicate("")


def serve(work: Callable[[int], None]) -> None:
    """Be such a process."""
    for line in sys.stdin:
        print(timed(work, int(line)), flush=True)


def observer(pairs: int, seconds: float, rate_hz: float | None) -> list[dict[str, Any]]:
    """Ratio of monitored to unmonitored time and the sampler's own CPU time, lines included: here and attached."""
    rows = []
    for name, (work, spare) in WORKS.items():
        size, program = sized(work, seconds), Program(name)
        here = partial(timed, work), partial(GilMonitor, rate_hz, lines=True)
        there = program.run, partial(AttachedMonitor, program.pid, rate_hz)
        for where, (run, monitor) in (("in its process", here), ("attached", there)):
            row = {"load": name, "where": where, "spare": spare, **observed(pairs, size, run, monitor)}
            rows.append(row)
            print(
                f"{name}, {where}: {row['rate_hz']:.0f} Hz, monitored / unmonitored {row['ratio']:.4f} "
                f"[{row['low']:.4f}, {row['high']:.4f}] over {pairs} pairs, "
                f"sampler's own CPU {row['own_cpu']:.2%} of wall",
                flush=True,
            )
        program.end()
    return rows


def observed(
    pairs: int, size: int, run: Callable[[int], float], monitor: Callable[[], GilMonitor]
) -> dict[str, float | int]:
    """Run the work in pairs, with the monitor and without it in either order."""
    ratios, costs, rates = [], [], []
    for _ in range(pairs):
        took = {}
        for monitored in random.sample((False, True), 2):
            if monitored:
                with monitor() as gil:
                    took[monitored] = run(size)
                costs.append(gil.reading.cost)
                rates.append(gil.rate_hz)
            else:
                took[monitored] = run(size)
        ratios.append(took[True] / took[False])
    ratio, cost = median_interval(ratios), {"own_cpu": statistics.median(costs), "rate_hz": statistics.median(rates)}
    return {"ratio": ratio.value, "low": ratio.low, "high": ratio.high, "pairs": pairs, **cost}


WORKS: dict[str, tuple[Callable[[int], None], bool]] = {
    "one thread": (one_thread, True),
    "two threads, one waits": (two_threads, True),
    f"{CROWD} threads, one waits for the GIL and {CROWD - 2} for a lock": (crowd, True),
    "threads, imports, forks, collections": (changes, True),
    "all CPUs busy": (all_cpus, False),
}


def judged_observer(rows: Sequence[dict[str, Any]]) -> bool:
    """Hold the cost against what was promised."""
    fine = True
    for row in rows:
        what = f"{row['load']}, {row['where']}"
        fine &= promised(f"{what}: own CPU {row['own_cpu']:.2%} < 1 %", row["own_cpu"] < 0.01)
        if row["spare"]:
            text = f"{what}: the interval of {row['pairs']} pairs ends at {row['high']:.4f} < 1.03"
            fine &= promised(text, row["high"] < 1.03)
    return fine


def main() -> None:
    """Run the parts asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", default=["held", "waiting", "holds", "observer"])
    parser.add_argument("--seconds", type=float, default=5.0, help="per cell at the fixed rate")
    parser.add_argument("--adaptive-seconds", type=float, default=2.0, help="per cell at the adaptive rate")
    parser.add_argument("--repeats", type=int, default=2, help="of the cells at the adaptive rate")
    parser.add_argument("--short-seconds", type=float, default=1.0, help="per cell of gilknocker, per row of waiting")
    parser.add_argument("--pairs", type=int, default=100)
    parser.add_argument("--pair-seconds", type=float, default=0.3, help="per run of a pair")
    parser.add_argument("--rate", type=float, default=None, help="fixed rate of the observer part; adaptive by default")
    parser.add_argument("--json", default=None, help="also write the rows there")
    parser.add_argument("--work", choices=WORKS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        serve(WORKS[options.work][0])
        return
    available = probe_availability()
    if not available.ok:
        sys.exit(f"the GIL probe is not available here: {available.reason}")
    version = f"{platform.python_implementation()} {platform.python_version()}"
    print(f"{version}, {cpu_capacity():.0f} CPUs")
    found: dict[str, Any] = {"interpreter": version, "cpus": cpu_capacity()}
    fine = True
    if "held" in options.parts:
        fine &= _held(options, found)
    if "waiting" in options.parts:
        print("\nthreads waiting for the GIL")
        found["waiting"] = waiting(options.short_seconds)
        fine &= judged_waiting(found["waiting"])
    if "holds" in options.parts:
        print("\nhold lengths, two threads")
        found["holds"] = holds(options.short_seconds)
    if "observer" in options.parts:
        print("\nobserver effect")
        found["observer"] = observer(options.pairs, options.pair_seconds, options.rate)
        fine &= judged_observer(found["observer"])
    if options.json:
        with open(options.json, "w", encoding="utf-8") as stream:
            json.dump(found, stream, indent=1)
            stream.write("\n")
    sys.exit(not fine)


def _held(options: argparse.Namespace, found: dict[str, Any]) -> bool:
    """Run and judge the part ``held``."""
    fixed = held(options.seconds, DIAGNOSTIC_RATE_HZ)
    print_held(fixed, f"held share at {DIAGNOSTIC_RATE_HZ:.0f} Hz, {options.seconds:g} s per cell")
    knocks = knocked(options.short_seconds)
    if knocks:
        mean, worst = statistics.mean(knocks), max(knocks)
        print(f"gilknocker, {options.short_seconds:g} s per cell: mean error {mean:.3f}, worst {worst:.3f}")
    adaptive = [row for _ in range(options.repeats) for row in held(options.adaptive_seconds, None)]
    print_held(adaptive, f"held share, adaptive rate, {options.adaptive_seconds:g} s per cell")
    found |= {"held_fixed": fixed, "held_adaptive": adaptive, "gilknocker_errors": knocks}
    found |= {"seconds": options.seconds, "short_seconds": options.short_seconds}
    return judged_held(fixed, adaptive)


if __name__ == "__main__":
    main()
