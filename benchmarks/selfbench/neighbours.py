"""Are net speed-ups what they are where nothing else runs? Beside 0, 1 and 2 processes that compute all the time.

``python -m benchmarks.selfbench.neighbours [KERNEL...] [--seconds 8] [--repeats 6] [--tolerance 3]``

Work that holds the GIL for known shares of it, so that two threads gain 1.25, 1.5 and 1.75, a kernel with barriers and
one with uneven work, on two threads and two processes. All of them only compute: what workers cost each other in caches
and memory is hardly seen while neighbours keep them from running at the same time, so net speed-ups of such code are
bounds there (``jacobi2d``, which is run when it is named).

Short runs of so many seconds each, with the neighbours switched on and off between them in random order; each
repetition has every kernel once with each number of neighbours. What is printed: the median speed-up as timed and net
over the repetitions, and the median of net over net without neighbours in the same repetition, with intervals, and how
many runs have a net interval that holds the quiet value.
``--seconds 4 --repeats 2 fault_held_150`` is a quick look.

Exit status 1 when a net speed-up is further than the tolerance from the one without neighbours, per cent.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.selfbench import planted_faults
from benchmarks.selfbench.claims import measure
from benchmarks.selfbench.noise import background_load
from gilscope.stats import MIN_BLOCKS, Estimate, median_interval, median_range

KERNELS = (*planted_faults.HELD_SPEEDUPS, "fault_barriers", "imbalance")
NAMED = (*KERNELS, "jacobi2d")
"""What may be asked for."""

LOADS = (0, 1, 2)
WORDS = ("--implementations", "cy_nogil", "--executors", "threads,processes", "--workers", "2")


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What one short run showed of one case; speed-ups are None where there is none, ``interval`` is of the net one."""

    case: str
    neighbours: int
    repeat: int
    net: float | None
    timed: float | None
    interval: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One case beside so many neighbours: medians over the repetitions, with all of their range below six.

    ``covering`` of its ``runs`` have a net interval of their own that holds the median without neighbours: a speed-up
    that is off is not wrong where the interval says how little is known.
    """

    case: str
    neighbours: int
    timed: Estimate | None
    net: Estimate | None
    over_quiet: Estimate | None
    covering: int = 0
    runs: int = 0

    def holds(self, tolerance: float) -> bool:
        """Whether the net speed-up is known and as without neighbours."""
        return self.over_quiet is not None and abs(self.over_quiet.value - 1.0) <= tolerance


def order(kernels: Sequence[str], repeats: int, seed: int) -> Iterator[tuple[int, str, int]]:
    """Yield (repetition, kernel, neighbours): all of a repetition in random order."""
    drawn = random.Random(seed)
    for repeat in range(repeats):
        runs = [(repeat, kernel, load) for kernel in kernels for load in LOADS]
        yield from drawn.sample(runs, len(runs))


def seen(document: Mapping[str, Any], neighbours: int, repeat: int) -> Iterator[Seen]:
    """Yield what a run showed of each case on several workers."""
    for row in document["cases"]:
        if row["workers"] > 1:
            net, timed = (row[name] and row[name]["value"] for name in ("net_speedup", "speedup"))
            own = (row["net_speedup"]["low"], row["net_speedup"]["high"]) if net else None
            yield Seen(case=row["case"], neighbours=neighbours, repeat=repeat, net=net, timed=timed, interval=own)


def measured(kernels: Sequence[str], seconds: float, repeats: int, seed: int) -> Iterator[Seen]:
    """Run everything; the neighbours of a run have been computing before it begins."""
    for number, (repeat, kernel, load) in enumerate(order(kernels, repeats, seed), start=1):
        print(f"\r{number} of {len(kernels) * len(LOADS) * repeats}", end="", file=sys.stderr, flush=True)
        words = (kernel, *WORDS, "--budget", str(seconds))
        with background_load(load):
            yield from seen(measure(*words), load, repeat)
    print(file=sys.stderr)


def _median(sample: Sequence[float]) -> Estimate | None:
    """Estimate a median; below six values the interval is their range, with less confidence."""
    if not sample:
        return None
    return median_interval(sample) if len(sample) >= MIN_BLOCKS else median_range(sample)


def compared(rows: Sequence[Seen]) -> Iterator[Compared]:
    """Compare each case beside neighbours with itself without, repetition by repetition."""
    quiet = {(row.case, row.repeat): row.net for row in rows if not row.neighbours}
    for case in dict.fromkeys(sorted(row.case for row in rows)):
        typical = statistics.median([net for (name, _), net in quiet.items() if name == case and net] or [0.0])
        for load in LOADS:
            own = [row for row in rows if (row.case, row.neighbours) == (case, load)]
            pairs = [(row.net, quiet.get((case, row.repeat))) for row in own]
            yield Compared(
                case=case,
                neighbours=load,
                timed=_median([row.timed for row in own if row.timed]),
                net=_median([row.net for row in own if row.net]),
                over_quiet=_median([net / alone for net, alone in pairs if net and alone]),
                covering=sum(row.interval is not None and row.interval[0] <= typical <= row.interval[1] for row in own),
                runs=len(own),
            )


def known_speedup(case: str) -> float | None:
    """Return what two workers gain of what was planted; None where that is not known."""
    kernel = case.partition("/")[0]
    if kernel == "fault_barriers":
        return 2.0
    if kernel not in planted_faults.HELD_SPEEDUPS:
        return None
    return planted_faults.HELD_SPEEDUPS[kernel] if "@threads" in case else 2.0


def _figure(found: Estimate | None) -> str:
    return f"{found.value:.3f} [{found.low:.3f}, {found.high:.3f}]" if found is not None else "-"


HEAD = "| case | known | neighbours | timed | net | net over quiet | intervals with it |\n|---|---|---|---|---|---|---|"


def line(row: Compared, tolerance: float) -> str:
    """Lay out a row of the table."""
    known = known_speedup(row.case)
    right = f"{known:.2f}" if known else "-"
    verdict = "" if row.holds(tolerance) else "  TOO FAR"
    figures = (
        f"{_figure(row.timed)} | {_figure(row.net)} | {_figure(row.over_quiet)}{verdict} | {row.covering} of {row.runs}"
    )
    return f"| {row.case} | {right} | {row.neighbours} | {figures} |"


def main() -> None:
    """Measure, print, judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kernels", nargs="*", metavar="KERNEL", help=f"of: {', '.join(NAMED)}")
    parser.add_argument("--seconds", type=float, default=8.0, help="budget of a run")
    parser.add_argument("--repeats", type=int, default=6)
    parser.add_argument("--tolerance", type=float, default=3.0, metavar="PERCENT")
    parser.add_argument("--seed", type=int, default=1)
    words = parser.parse_args()
    unknown = set(words.kernels) - set(NAMED)
    if unknown:
        parser.error(f"no such kernel: {', '.join(sorted(unknown))}; known are {', '.join(NAMED)}")
    with tempfile.TemporaryDirectory() as folder:
        os.environ.update(planted_faults.plant(Path(folder) / "brought"))
        rows = list(measured(words.kernels or KERNELS, words.seconds, words.repeats, words.seed))
    results, tolerance = list(compared(rows)), words.tolerance / 100.0
    print(HEAD)
    for row in results:
        print(line(row, tolerance))
    beside = [row for row in results if row.neighbours]
    far = sum(not row.holds(tolerance) for row in beside)
    worst = [abs(row.over_quiet.value - 1.0) for row in beside if row.over_quiet is not None]
    print(
        f"\n{len(beside) - far} of {len(beside)} net speed-ups within {words.tolerance:g} % of the quiet ones", end=""
    )
    print(f"; off by {100 * statistics.median(worst):.1f} % in the median, {100 * max(worst):.1f} % at most")
    sys.exit(far > 0)


if __name__ == "__main__":
    main()
