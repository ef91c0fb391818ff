"""How well do figures of one thread predict many threads? Programs and worker counts were chosen before any model.

    python benchmarks/selfbench/prediction.py [--piece I/N] [--rounds R] [--json FILE] [--trial]

A program holds the GIL for a known time, in C code or in byte code, and releases it by sleeping for a time that is
constant, exponential or has two modes. So 128 threads need no more CPUs than two have: one computes at a time.

Of one thread the cycle is timed, and its holds of the GIL are traced; of the interpreter the price of a hand-off is
measured. From these follow predictions, which are compared with what so many threads did in the same seconds. Needs
gilscope for the interpreter that runs it, nothing else. ``--trial`` takes other programs, for trying things out.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import math
import os
import platform
import random
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from statistics import mean, median
from typing import Any, Literal, TypeVar

from gilscope.analysis.predict.gil import prices_at
from gilscope.analysis.predict.model import Demand, Demands, predict
from gilscope.analysis.predict.turns import TRUSTED, TracedRound
from gilscope.stats import median_interval
from gilscope.telemetry._gilprobe import duty
from gilscope.telemetry.hand_off import HandOff, hand_off_prices
from gilscope.telemetry.turns import Turns, traced_turns

T = TypeVar("T")

KNEE = (0.5, 2.0)
"""p h between which simple theory fails."""

_MODES = (14, 0.4)  # of 16 sleeps so many are short, of so much of the mean
_SLEEPS, _FIRST_S, _WINDOW_S = 16, 0.15, 0.4
_TURNS = 40
_APART, _LONGEST_S, _TRACED = 0.7, 2.0, 4
_ATTEMPTS, _OTHERS, _SLOWED = 40, 0.03, 1.15  # of a CPU: what other programs may use, and how slow it may be
_OUTSIDE = 0.03  # slack around a band


@dataclass(frozen=True, slots=True)
class Program:
    """What one cycle does.

    Parameters
    ----------
    code : {"C", "byte"}
        What holds the GIL: a call of C code, which keeps it, or a loop of byte code, which lets go when asked.
    hold_us : float
        How long.
    sleep : {"constant", "exponential", "bimodal"}
        How the lengths of sleep are distributed.
    share : float
        Of its time one thread holds the GIL, as planned; how long it sleeps follows.
    workers : tuple of int
        Worker counts that are predicted and measured.
    """

    code: Literal["C", "byte"]
    hold_us: float
    sleep: Literal["constant", "exponential", "bimodal"]
    share: float
    workers: tuple[int, ...]

    @property
    def sleep_us(self) -> float:
        """Mean length of sleep."""
        return self.hold_us * (1.0 - self.share) / self.share


HELD_OUT = (
    Program("C", 20, "constant", 0.1, (4, 10, 64)),
    Program("C", 20, "exponential", 0.02, (16, 50, 128)),
    Program("byte", 50, "bimodal", 0.05, (4, 24, 96)),
    Program("C", 50, "exponential", 0.3, (4, 16, 64)),
    Program("byte", 100, "constant", 0.1, (8, 32, 128)),
    Program("C", 100, "bimodal", 0.02, (32, 64, 128)),
    Program("byte", 200, "exponential", 0.05, (8, 16, 48)),
    Program("C", 200, "constant", 0.2, (4, 12, 64)),
    Program("C", 500, "exponential", 0.1, (6, 14, 32)),
    Program("byte", 500, "bimodal", 0.3, (4, 8, 48)),
    Program("C", 1000, "constant", 0.03, (16, 40, 100)),
    Program("byte", 1000, "exponential", 0.6, (4, 16, 64)),
    Program("C", 2000, "bimodal", 0.2, (4, 8, 24)),
    Program("byte", 2000, "constant", 0.45, (4, 16, 64)),
    Program("C", 5000, "exponential", 0.1, (8, 16, 40)),
    Program("byte", 5000, "constant", 0.01, (4, 32, 64)),
)
"""48 points, 19 of them with p h from 0.5 to 2, where simple theory fails. Not to be changed to suit a model."""

TRIAL = (
    Program("C", 30, "exponential", 0.08, (6, 12, 40)),
    Program("C", 30, "constant", 0.25, (4, 12, 100)),
    Program("byte", 80, "bimodal", 0.15, (4, 8, 24)),
    Program("byte", 150, "exponential", 0.03, (20, 40, 100)),
    Program("C", 300, "bimodal", 0.1, (6, 12, 30)),
    Program("byte", 700, "constant", 0.2, (4, 8, 40)),
    Program("C", 1500, "exponential", 0.3, (3, 8, 40)),
    Program("byte", 3000, "bimodal", 0.1, (5, 12, 30)),
)
"""What was tried while the model was made."""


def sleeps_of(program: Program) -> list[float]:
    """Return the lengths of sleep in seconds, one after the other, whose mean is exact."""
    if program.sleep == "constant":
        relative = [1.0] * _SLEEPS
    elif program.sleep == "exponential":
        drawn = [-math.log(1.0 - (at + 0.5) / _SLEEPS) for at in range(_SLEEPS)]
        relative = [_SLEEPS * value / math.fsum(drawn) for value in drawn]
    else:
        short, value = _MODES
        long = (_SLEEPS - short * value) / (_SLEEPS - short)
        relative = [value] * short + [long] * (_SLEEPS - short)
    random.Random(5).shuffle(relative)
    return [value * program.sleep_us * 1e-6 for value in relative]


def in_turns(sleeps: Sequence[float], seed: int) -> list[float]:
    """Return many turns through all sleeps, each in an order of its own: threads must not stay in step."""
    order = random.Random(seed)
    return [length for _ in range(_TURNS) for length in order.sample(sleeps, len(sleeps))]


def loops_per_us() -> float:
    """Return how many turns of an empty loop a microsecond takes."""

    def once(count: int) -> float:
        began = time.perf_counter()
        for _ in range(count):
            pass
        return count / (time.perf_counter() - began) * 1e-6

    return median(once(20_000) for _ in range(101))


def holder(program: Program, per_us: float) -> Callable[[], None]:
    """Return what holds the GIL once."""
    hold_s, count = program.hold_us * 1e-6, round(program.hold_us * per_us)

    def by_c() -> None:
        duty(hold_s, 0.0, hold_s)

    def by_byte_code() -> None:
        for _ in range(count):
            pass

    return by_c if program.code == "C" else by_byte_code


def one_thread(hold: Callable[[], None], sleeps: Sequence[float], cycles: int) -> tuple[float, float]:
    """Return seconds and CPU seconds per cycle of one thread."""
    cpu, began = time.thread_time(), time.perf_counter()
    for _, length in zip(range(cycles), itertools.cycle(sleeps), strict=False):
        hold()
        time.sleep(length)
    return (time.perf_counter() - began) / cycles, (time.thread_time() - cpu) / cycles


def on_each_cpu(work: Callable[[], tuple[float, float]]) -> tuple[float, float]:
    """Return the means of what ``work`` returns on each CPU.

    Many threads run on all of them, and one that sleeps is woken where it was: on a virtual machine one CPU may be a
    sixth slower than another for minutes, by what runs beside it.
    """
    if not hasattr(os, "sched_setaffinity"):
        return work()
    usable, found = os.sched_getaffinity(0), []
    for cpu in usable:
        os.sched_setaffinity(0, {cpu})
        found.append(work())
    os.sched_setaffinity(0, usable)
    return mean(first for first, _ in found), mean(second for _, second in found)


def many_threads(
    hold: Callable[[], None], sleeps: Sequence[float], threads: int, window_s: float, *, apart: bool
) -> float:
    """Return the cycles per second of so many threads, all together, after they have settled.

    ``apart``: they hardly wait, so that whole turns through all sleeps are exact; else what all did in the window
    counts.
    """
    turns = 1 if len(set(sleeps)) == 1 else len(sleeps)
    gate, stopped = threading.Event(), False
    logs: list[list[float]] = [[] for _ in range(threads)]

    def work(at: int) -> None:
        log, own = logs[at].append, itertools.cycle(in_turns(sleeps, at))
        gate.wait()
        time.sleep(random.random() * sum(sleeps) / len(sleeps))
        while not stopped:
            hold()
            log(time.perf_counter())
            time.sleep(next(own))

    crew = [threading.Thread(target=work, args=(at,)) for at in range(threads)]
    for thread in crew:
        thread.start()
    gate.set()
    time.sleep(1.3 * window_s)
    ended, stopped = time.perf_counter(), True
    for thread in crew:
        thread.join()
    counted = [[at for at in log if ended - window_s <= at <= ended] for log in logs]
    if not apart:
        return sum(map(len, counted)) / window_s
    whole = [(log, (len(log) - 1) // turns * turns) for log in counted]
    return sum(last / (log[last] - log[0]) for log, last in whole if last > 0)


@dataclass(frozen=True, slots=True)
class Point:
    """One worker count of a program: what was predicted and what was measured."""

    program: Program
    workers: int
    share: float  # as measured of one thread
    low: float
    value: float
    high: float
    measured: float
    rounds: tuple[float, ...]  # speed-ups of single rounds

    @property
    def error(self) -> float:
        """Of the central value, relative."""
        return self.value / self.measured - 1.0

    @property
    def inside(self) -> bool:
        """Whether it is inside the band."""
        return self.low * (1.0 - _OUTSIDE) <= self.measured <= self.high * (1.0 + _OUTSIDE)

    @property
    def width(self) -> float:
        """Of the band: its upper end over its lower one."""
        return self.high / self.low

    @property
    def at_the_knee(self) -> bool:
        """Whether p h is near 1."""
        return KNEE[0] <= self.workers * self.share <= KNEE[1]


def others_s() -> float:
    """Return the CPU seconds of all other programs so far; 0 where the system does not tell."""
    try:
        ticks = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    except OSError:
        return 0.0
    busy = sum(map(int, ticks)) - int(ticks[3]) - int(ticks[4])  # but idle, and waiting for disks
    return busy / os.sysconf("SC_CLK_TCK") - time.process_time()


class Paces:
    """How fast CPUs are: another virtual machine on the same core slows them down, and no counter shows it."""

    def __init__(self) -> None:
        self._best_s = min(self._slowest_s() for _ in range(20))

    @staticmethod
    def _slowest_s() -> float:
        """Return the seconds of the same work on the CPU that is slowest now."""

        def once() -> float:
            began = time.perf_counter()
            hashlib.pbkdf2_hmac("sha256", b"", b"", 4000)
            return time.perf_counter() - began

        if not hasattr(os, "sched_setaffinity"):
            return median(once() for _ in range(3))
        usable, found = os.sched_getaffinity(0), []
        for cpu in usable:
            os.sched_setaffinity(0, {cpu})
            found.append(median(once() for _ in range(3)))
        os.sched_setaffinity(0, usable)
        return max(found)

    def are_usual(self) -> bool:
        """Whether no CPU is slowed down now."""
        now_s = self._slowest_s()
        self._best_s = min(self._best_s, now_s)
        return now_s <= _SLOWED * self._best_s


def quiet(work: Callable[[], T], paces: Paces) -> T:
    """Return what ``work`` returns, again where something else took CPUs meanwhile: that is not what is predicted."""
    for _ in range(_ATTEMPTS):
        usual, before, began = paces.are_usual(), others_s(), time.perf_counter()
        result = work()
        others, spent = others_s() - before, time.perf_counter() - began
        if usual and others <= _OTHERS * spent + 0.02 and paces.are_usual():
            break
        time.sleep(0.2)
    return result


def traced(work: Callable[[], tuple[float, float]], paces: Paces) -> TracedRound:
    """Trace the holds of one thread, again where other programs took the tracing thread's CPU."""
    for _ in range(_ATTEMPTS):
        (cycle_s, cpu_s), seen = quiet(lambda: traced_turns(work), paces)
        if isinstance(seen, Turns):
            return TracedRound(**asdict(seen), busy=cpu_s / cycle_s)
        time.sleep(0.2)
    raise SystemExit(f"the holds of one thread cannot be traced: {seen}")


def points_of(program: Program, per_us: float, rounds: int, paces: Paces) -> Iterator[Point]:
    """Measure one thread and many, and what a hand-off costs, in turn, and compare."""
    hold, sleeps = holder(program, per_us), sleeps_of(program)
    cycle_s = (program.hold_us + program.sleep_us) * 1e-6
    even = program.sleep == "constant"
    turn_s = cycle_s * (1 if even else _SLEEPS)
    cycles = max(3 if even else _SLEEPS, math.ceil(_FIRST_S / turn_s) * round(turn_s / cycle_s))
    alone: list[tuple[float, float]] = []
    turns: list[TracedRound] = []
    prices: list[Sequence[HandOff]] = []
    speedups: dict[int, list[float]] = {count: [] for count in program.workers}
    for _ in range(rounds):
        prices.append(quiet(hand_off_prices, paces))
        turns += [traced(lambda: one_thread(hold, sleeps, cycles), paces) for _ in range(_TRACED)]
        for count in program.workers:
            apart = count * program.share < _APART
            window_s = max(_WINDOW_S, 5.0 * count * program.hold_us * 1e-6, (3.2 if even else 2.2) * turn_s)
            alone.append(quiet(lambda: on_each_cpu(partial(one_thread, hold, sleeps, cycles)), paces))
            measure = partial(many_threads, hold, sleeps, count, min(_LONGEST_S, window_s), apart=apart)
            speedups[count].append(quiet(measure, paces) * alone[-1][0])
    demands = demands_of(alone, turns, pooled(prices))
    for found in predict(demands, program.workers):
        each = tuple(speedups[found.workers])
        speedup = found.speedup
        share = demands.stations[0].share.value
        yield Point(program, found.workers, share, speedup.low, speedup.value, speedup.high, median(each), each)


def pooled(measured: Sequence[Sequence[HandOff]]) -> list[HandOff]:
    """Return prices that were measured several times as medians."""
    cells: dict[tuple[float, int], list[HandOff]] = {}
    for one in itertools.chain.from_iterable(measured):
        cells.setdefault((one.hold_s, one.waiting), []).append(one)
    return [
        HandOff(
            hold_s=hold_s,
            waiting=waiting,
            low_s=median(one.low_s for one in cell),
            value_s=median(one.value_s for one in cell),
            high_s=median(one.high_s for one in cell),
        )
        for (hold_s, waiting), cell in cells.items()
    ]


def demands_of(
    alone: Sequence[tuple[float, float]], turns: Sequence[TracedRound], hand_offs: Sequence[HandOff]
) -> Demands:
    """Return what one thread needs, from its timed and traced rounds."""
    cycle_s = median(one for one, _ in alone)
    busy = median(cpu_s / one for one, cpu_s in alone)
    share = median_interval([one.held_s / one.window_s * min(1.0, busy / one.busy) for one in turns])
    share = replace(share, low=share.low * (1.0 - TRUSTED), high=min(1.0, share.high * (1.0 + TRUSTED)))
    best = max(turns, key=lambda one: one.holds)
    demand = Demand(
        station="gil", share=share, shape=best.hold_shape, prices=prices_at(hand_offs, share.value * cycle_s)
    )
    return Demands(stations=(demand,), cycle_s=cycle_s, own_shape=best.free_shape, computing=0.0)


def summary(points: Sequence[Point]) -> dict[str, float]:
    """Return the figures by which predictions are judged."""
    errors = [abs(point.error) for point in points]
    return {
        "points": len(points),
        "inside": sum(point.inside for point in points) / len(points),
        "median_error": median(errors),
        "worst_error": max(errors),
        "widest": max(point.width for point in points),
        "median_width": median(point.width for point in points),
    }


def summaries(points: Sequence[Point]) -> dict[str, dict[str, float]]:
    """Return the figures of all points, and of those around the knee."""
    groups = {"all": points, "knee": [one for one in points if one.at_the_knee]}
    return {name: summary(group) for name, group in groups.items() if group}


def keep(path: Path, points: Sequence[Point]) -> None:
    """Write points, with those of other programs that the file has."""
    measured = {point.program for point in points}
    earlier = json.loads(path.read_text(encoding="utf-8"))["points"] if path.exists() else []
    kept = [one for one in map(point_of, earlier) if one.program not in measured]
    made = [*kept, *points]
    entry: dict[str, Any] = {"python": platform.python_version(), "summary": summaries(made)}
    entry["points"] = [asdict(point) for point in made]
    path.write_text(json.dumps(entry, indent=1), encoding="utf-8")


def point_of(entry: dict[str, Any]) -> Point:
    """Read a point that was kept."""
    program = Program(**{**entry["program"], "workers": tuple(entry["program"]["workers"])})
    return Point(**{**entry, "program": program, "rounds": tuple(entry["rounds"])})


def line(point: Point) -> str:
    """Write a point."""
    one = point.program
    name = f"{one.code:<4} {one.hold_us:>4} us, {one.sleep:<11} h {point.share:.3f} p {point.workers:>3}"
    band = f"{point.value:7.2f} [{point.low:6.2f}, {point.high:6.2f}]"
    end = f"{100 * point.error:+6.1f} %{'' if point.inside else '  outside'}"
    return f"{name} ph {point.workers * point.share:5.2f}  {band}  measured {point.measured:6.2f}  {end}"


def main() -> int:
    """Run a piece of the programs and print every point and a summary, of those around the knee too."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--piece", default="1/1", metavar="I/N")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--trial", action="store_true")
    given = parser.parse_args()
    piece, pieces = map(int, given.piece.split("/"))
    per_us, points, paces = loops_per_us(), list[Point](), Paces()
    for program in (TRIAL if given.trial else HELD_OUT)[piece - 1 :: pieces]:
        for point in points_of(program, per_us, given.rounds, paces):
            points.append(point)
            print(line(point), flush=True)
        if given.json is not None:
            keep(given.json, points)
    print(json.dumps(summaries(points), indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
