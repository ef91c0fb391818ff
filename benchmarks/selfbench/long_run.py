"""Hours compressed: many short blocks through the real machinery; memory, descriptors and file must stay as small.

``python -m benchmarks.selfbench.long_run [--blocks 25000] [--minutes 60]`` measures a tiny kernel in serial, threads
and processes, with a diagnostic round after every third block as in a study, and reads resident memory, open
descriptors and threads of the program, its supervisor, the runners, the forkserver and its workers every so often. The
last quarter is compared with the second: the first one warms up. Exit status 1 if anything grew by more than the limits
below.

A block of a study takes about a second, so 8 hours have some 20 000 to 30 000 blocks.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import psutil

from gilscope import env
from gilscope.core.cases import Case, Slot, Study
from gilscope.core.records import Block
from gilscope.measure.host import Lead, SupervisedHost
from gilscope.results import ResultWriter

MAX_GROWTH = 0.02  # of the resident memory of each kind of process between the second and the last quarter
MAX_GROWTH_BYTES = 1 << 20  # or so much: small processes are mostly pages that happen to be shared or not
MAX_LINE_BYTES = 2000  # a block of four slots of two workers, see docs/schema.md
LOOKS = 100
DIAGNOSE_EVERY = 3  # blocks, as in a study
TIMEOUT_S = 60.0
KINDS = ("program", "supervisor", "runners", "servers", "workers")


def slots() -> tuple[Slot, ...]:
    """Return four cases of a kernel that takes microseconds at this size."""
    case = Case(kernel="montecarlo_pi", implementation="cy_nogil", executor="threads", workers=2, size="XS")
    processes = Case(
        kernel="montecarlo_pi",
        implementation="cy_nogil",
        executor="processes",
        workers=2,
        size="XS",
        start_method="forkserver",
        transport="shm",
    )
    spin = Case(kernel="spin", implementation="cy_nogil", executor="threads", workers=2, size="XS")
    return (Slot(case=case.t1), Slot(case=case), Slot(case=processes), Slot(case=spin, role="spin"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What the processes of one kind have together."""

    processes: int
    resident_bytes: float
    descriptors: float
    threads: float


def usage() -> dict[str, Usage]:
    """Return what this program and all it started have, by kind: a kind is how far they are from here."""
    found: dict[str, list[psutil.Process]] = {}
    level = [psutil.Process()]
    for kind in KINDS:
        found[kind] = level
        level = [child for parent in level for child in parent.children()]
    return {
        kind: Usage(
            processes=len(members),
            resident_bytes=sum(process.memory_info().rss for process in members),
            descriptors=sum(process.num_fds() for process in members),
            threads=sum(process.num_threads() for process in members),
        )
        for kind, members in found.items()
    }


def measure(most: int, most_s: float, path: Path) -> tuple[int, list[dict[str, Usage]]]:
    """Run blocks through the real machinery, so many or until time is up; return how many and what was seen."""
    study = Study(kernels=("montecarlo_pi",), implementations=("cy_nogil",), executors=("threads",), workers=(2,))
    seen: list[dict[str, Usage]] = []
    index, begin = 0, time.monotonic()
    with (
        SupervisedHost({"threads": 2, "processes": 2}, cpus=2) as host,
        ResultWriter(path, study, env.capture(), "0") as writer,
    ):
        for slot in slots():
            record = host.prepare(slot)
            assert record.status == "ok", record.reason
        while (done := max(index / most, (time.monotonic() - begin) / most_s)) < 1:
            if done * LOOKS >= len(seen):
                seen.append(usage())
            started = time.monotonic_ns()
            rounds = {slot.key: host.run_round(slot, 1, Lead(repeats=0), TIMEOUT_S) for slot in slots()}
            ended = time.monotonic_ns()
            writer.block(Block(kernel="montecarlo_pi", index=index, started_ns=started, ended_ns=ended, rounds=rounds))
            if index % DIAGNOSE_EVERY == 0:
                host.diagnose(slots()[1], 1, Lead(repeats=0), TIMEOUT_S)
            index += 1
    return index, seen


def grown(seen: Sequence[dict[str, Usage]], kind: str) -> tuple[Usage, Usage, bool]:
    """Return the medians of the second and the last quarter, and whether a kind of process stayed as it was."""
    quarter = len(seen) // 4
    parts = ([look[kind] for look in seen[quarter : 2 * quarter]], [look[kind] for look in seen[-quarter:]])
    before, after = (
        Usage(**{field.name: statistics.median(getattr(one, field.name) for one in part) for field in fields(Usage)})
        for part in parts
    )
    most = max(before.resident_bytes * (1 + MAX_GROWTH), before.resident_bytes + MAX_GROWTH_BYTES)
    counts = ("processes", "descriptors", "threads")
    flat = after.resident_bytes <= most and all(getattr(after, name) <= getattr(before, name) for name in counts)
    return before, after, flat


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, judge."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--blocks", type=int, default=25_000)
    parser.add_argument("--minutes", type=float, default=60.0, help="stop then, however few blocks there are")
    asked = parser.parse_args(arguments)
    begin = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "result.jsonl"
        count, seen = measure(asked.blocks, 60 * asked.minutes, path)
        size = path.stat().st_size
    print(f"{count} blocks of {len(slots())} rounds in {time.monotonic() - begin:.0f} s")
    good = size / count <= MAX_LINE_BYTES
    for kind in KINDS:
        before, after, flat = grown(seen, kind)
        good &= flat
        resident = [one.resident_bytes / 2**20 for one in (before, after)]
        print(
            f"{kind:<10} {after.processes:.0f} processes, resident {resident[0]:.1f} MiB, later {resident[1]:.1f} MiB, "
            f"descriptors {before.descriptors:.0f}, later {after.descriptors:.0f}, "
            f"threads {before.threads:.0f}, later {after.threads:.0f}: {'flat' if flat else 'NOT FLAT'}"
        )
    print(f"file       {size / count:.0f} bytes a block (limit {MAX_LINE_BYTES})")
    print("flat" if good else "NOT FLAT")
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
