"""Hours compressed: many short blocks through the real machinery; memory, descriptors and file must stay as small.

``python -m benchmarks.selfbench.long_run [--blocks 2000]`` measures a tiny kernel in serial, threads and processes,
reads resident memory and open descriptors of the program, supervisor and runners every so often, and compares the last
quarter with the second (the first one warms up). Exit status 1 if anything grew by more than the limits below.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

from gilscope import env
from gilscope.cases import Case, Slot, Study
from gilscope.measure.host import Lead, SupervisedHost
from gilscope.records import Block
from gilscope.results import ResultWriter

MAX_GROWTH = 0.02  # of resident memory between the second and the last quarter
MAX_LINE_BYTES = 2000  # a block of four slots of two workers, see docs/schema.md
LOOKS = 100


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


def usage(host: SupervisedHost) -> tuple[int, int]:
    """Return resident bytes and open descriptors of this process and all it started."""
    family = [psutil.Process(), *psutil.Process().children(recursive=True)]
    return sum(p.memory_info().rss for p in family), sum(p.num_fds() for p in family)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, judge."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--blocks", type=int, default=2000)
    count = parser.parse_args(arguments).blocks
    study = Study(kernels=("montecarlo_pi",), implementations=("cy_nogil",), executors=("threads",), workers=(2,))
    seen: list[tuple[int, int]] = []
    begin = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "result.jsonl"
        with (
            SupervisedHost({"threads": 2, "processes": 2}, cpus=2) as host,
            ResultWriter(path, study, env.capture(), "0") as writer,
        ):
            for slot in slots():
                record = host.prepare(slot)
                assert record.status == "ok", record.reason
            for index in range(count):
                started = time.monotonic_ns()
                rounds = {slot.key: host.run_round(slot, 1, Lead(repeats=0), 60) for slot in slots()}
                ended = time.monotonic_ns()
                writer.block(
                    Block(kernel="montecarlo_pi", index=index, started_ns=started, ended_ns=ended, rounds=rounds)
                )
                if index % max(1, count // LOOKS) == 0:
                    seen.append(usage(host))
        size = path.stat().st_size
    quarter = len(seen) // 4
    second, last = seen[quarter : 2 * quarter], seen[-quarter:]
    memory = [statistics.median(entry[0] for entry in part) for part in (second, last)]
    files = [statistics.median(entry[1] for entry in part) for part in (second, last)]
    growth = memory[1] / memory[0] - 1
    print(f"{count} blocks of {len(slots())} rounds in {time.monotonic() - begin:.0f} s")
    print(f"resident memory of all: {memory[0] / 2**20:.1f} MiB, later {memory[1] / 2**20:.1f} MiB ({growth:+.2%})")
    print(f"open descriptors: {files[0]:.0f}, later {files[1]:.0f}")
    print(f"file: {size / count:.0f} bytes a block")
    good = growth <= MAX_GROWTH and files[1] <= files[0] and size / count <= MAX_LINE_BYTES
    print("flat" if good else "NOT FLAT")
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
