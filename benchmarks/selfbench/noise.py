"""Do verdicts hold beside other programs?

``python -m benchmarks.selfbench.noise [--loads 1] [--budget 20] [FAULT...]``

Each planted fault (and code without one) is measured while so many processes compute all the time. A cause is wrong
when it is neither the planted one nor the noise itself; none may appear. A verdict is given when the planted cause is
named; under one load at least half must be. Exit status 1 when a cause is wrong or too few are given.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from benchmarks.selfbench.faults import FAULTS, Fault, Row, measure

__all__ = ["NOISE", "SOUND", "Verdict", "background_load", "judge", "verdicts"]

NOISE = frozenset({"too_noisy", "stolen"})
"""What may be said of a busy machine, whatever was planted."""

SOUND = "nothing planted"
_SOUND = Fault(
    words=("fault_plain", "--executors", "threads"),
    case="fault_plain/cy_nogil@threads*2#M",
    losses=(),
    truth=0.0,
    findings=("scales",),
)
# Left out: a quota and a pool of a library, which themselves are a load on all CPUs.
NAMES = (SOUND, *(name for name, fault in FAULTS.items() if not fault.quota and "BLAS" not in name))


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What was said of one fault: ``given`` the planted cause, ``wrong`` causes that were not planted."""

    fault: str
    status: str
    findings: tuple[str, ...]
    given: bool
    wrong: tuple[str, ...]


def judge(name: str, fault: Fault, row: Row) -> Verdict:
    """Compare what was said of the case that shows a fault with what was planted."""
    said = tuple(row["findings"])
    return Verdict(
        fault=name,
        status=row["status"],
        findings=said,
        given=bool(set(said) & set(fault.findings)),
        wrong=tuple(code for code in said if code not in fault.findings and code not in NOISE),
    )


def _compute(parent: int) -> None:
    while os.getppid() == parent:  # a load that outlives a killed benchmark would be in all measurements after it
        for _ in range(100_000):
            pass


@contextmanager
def background_load(processes: int) -> Iterator[None]:
    """Keep so many processes computing."""
    crew = [
        multiprocessing.get_context("spawn").Process(target=_compute, args=(os.getpid(),), daemon=True)
        for _ in range(processes)
    ]
    for process in crew:
        process.start()
    try:
        yield
    finally:
        for process in crew:
            process.kill()
            process.join()


def verdicts(names: Sequence[str], loads: int, budget: str) -> Iterator[Verdict]:
    """Measure the faults beside so many loads."""
    with background_load(loads):
        for name in names:
            fault = FAULTS.get(name, _SOUND)
            yield judge(name, fault, measure(fault, budget)[fault.case])


def main() -> None:
    """Measure, print, judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("faults", nargs="*", metavar="FAULT", help=f"of: {', '.join(NAMES)}")
    parser.add_argument("--loads", type=int, default=1)
    parser.add_argument("--budget", default="20")
    words = parser.parse_args()
    unknown = [name for name in words.faults if name not in NAMES]
    if unknown:
        parser.error(f"no such fault: {', '.join(unknown)}; known are {', '.join(NAMES)}")
    rows = []
    print("| fault | findings | planted cause named | wrong causes |\n|---|---|---|---|")
    for row in verdicts(words.faults or NAMES, words.loads, words.budget):
        rows.append(row)
        said = ", ".join(row.findings) or row.status
        print(f"| {row.fault} | {said} | {'yes' if row.given else 'no'} | {', '.join(row.wrong) or '-'} |", flush=True)
    given, wrong = sum(row.given for row in rows), sum(bool(row.wrong) for row in rows)
    print(f"\n{given} of {len(rows)} verdicts given, {wrong} with a wrong cause")
    sys.exit(bool(wrong) or (words.loads <= 1 and 2 * given < len(rows)))


if __name__ == "__main__":
    main()
