"""Is code that makes large temporaries understood? Twenty functions of NumPy whose calls may fault in their memory.

``python -m benchmarks.selfbench.temporaries [NAME...] [--budget 12]``

The functions are in `temporary_arrays`. Each is profiled on two workers; the claims, of each:

- whatever was measured on two workers has a finding;
- no speed-up certainly above 1.1 times the workers goes without ``superlinear`` or ``page_faults``;
- the page faults of a call in T(1) are within 5 %, or 8 faults, of what ``getrusage`` counts in a loop over it in fresh
  processes, from the least to the most: malloc trims its memory or not by where it happens to lie;
- where the same case was measured with memory that is kept, it is not certainly slower.

Exit status 1 when one fails.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.selfbench import temporary_arrays
from benchmarks.selfbench.claims import measure
from benchmarks.selfbench.known_answers import ONE_THREAD, ROOT
from gilscope.core.records import ResultSet
from gilscope.results.codec import parse_slot
from gilscope.results.reader import load

SUPERLINEAR = 1.1
"""Speed-up over the workers from which something is to be said of it."""

FAULTS_SHARE, FAULTS = 0.05, 8
"""How far counts of page faults per call may be from each other: the larger of the two."""

TARGETS = {
    function.__name__: f"{temporary_arrays.__name__}:{function.__name__}" for function in temporary_arrays.FUNCTIONS
}
PROCESSES = 5
"""Of loops over a function: where malloc's arena begins, and so what is given back, differs from process to process."""

_LOOP = """
import resource, sys
from importlib import import_module
function = getattr(import_module(sys.argv[1]), sys.argv[2])
def faults(calls):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(calls):
        function()
    return (resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) / calls
faults(10)
print(sorted(faults(10) for _ in range(3))[1])
"""


def faults_of_loops(target: str) -> tuple[float, float]:
    """Return the least and the most page faults per call among fresh processes, each after the first ten calls."""
    module, _, name = target.partition(":")
    command = [sys.executable, "-c", _LOOP, module, name]
    options: dict[str, Any] = {"stdout": subprocess.PIPE, "check": True, "env": os.environ | ONE_THREAD, "cwd": ROOT}
    found = [float(subprocess.run(command, **options).stdout) for _ in range(PROCESSES)]
    return min(found), max(found)


def faults_of_result(result: ResultSet) -> float | None:
    """Return the page faults per call of T(1): the median over the blocks; None where they were not counted."""
    found = []
    for block in result.blocks:
        for key, measured in block.rounds.items():
            slot = parse_slot(key)
            if slot.role == "case" and slot.case.how == "serial" and measured.minor_faults is not None:
                found.append(measured.minor_faults / measured.repeats / int(slot.case.size))
    return median(found) if found else None


def failures(document: Mapping[str, Any], reported: float | None, counted: tuple[float, float]) -> Iterator[str]:
    """Yield what does not hold."""
    for row in document["cases"]:
        if row["workers"] < 2 or row["status"] == "unavailable":
            continue
        how, codes = row["case"].partition("@")[2].partition("*")[0], set(row["findings"])
        if not codes:
            yield f"{how}: no finding"
        found = row["net_speedup"] or row["speedup"]
        unsaid = not codes & {"superlinear", "page_faults"}
        if found and found["low"] > SUPERLINEAR * row["workers"] and unsaid:
            yield f"{how}: {found['low']:.2f} or more, without a word"
        kept = row.get("kept_memory_speedup")
        if kept and kept["high"] < 1.0:
            yield f"{how}: {kept['high']:.2f} times as fast at most with kept memory"
    if reported is None:
        yield "no page faults counted"
    elif not _near(reported, *counted):
        yield f"{reported:.0f} page faults per call, {_range(counted)} in a loop"


def _near(count: float, least: float, most: float) -> bool:
    return least - max(FAULTS_SHARE * least, FAULTS) <= count <= most + max(FAULTS_SHARE * most, FAULTS)


def _range(counted: tuple[float, float]) -> str:
    least, most = (f"{count:,.0f}" for count in counted)
    return least if least == most else f"{least} to {most}"


HEAD = "| function | threads | processes | kept | faults per call | in a loop | fails |\n|---|---|---|---|---|---|---|"


def _said(row: Mapping[str, Any]) -> str:
    found = row["net_speedup"] or row["speedup"]
    figure = f"{found['value']:.2f} [{found['low']:.2f}, {found['high']:.2f}] " if found else ""
    return figure + (", ".join(row["findings"]) or row["status"])


def line(
    name: str,
    document: Mapping[str, Any],
    reported: float | None,
    counted: tuple[float, float],
    failed: tuple[str, ...],
) -> str:
    """Lay out a row of the table."""
    rows = [row for row in document["cases"] if row["workers"] > 1]
    cells = []
    for executor in ("threads", "processes"):
        own = [row for row in rows if row["executor"] == executor and not (row["libraries"] or row.get("memory"))]
        cells.append("; ".join(map(_said, own)) or "-")
    kept = [row["kept_memory_speedup"] for row in rows if row.get("kept_memory_speedup")]
    cells.append("; ".join(f"{e['value']:.2f} [{e['low']:.2f}, {e['high']:.2f}]" for e in kept) or "-")
    counts = [f"{reported:,.0f}" if reported is not None else "-", _range(counted)]
    return f"| {' | '.join([name, *cells, *counts, '; '.join(failed) or '-'])} |"


def main() -> None:
    """Profile, count, judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of: {', '.join(TARGETS)}")
    parser.add_argument("--budget", default="12")
    words = parser.parse_args()
    unknown = [name for name in words.names if name not in TARGETS]
    if unknown:
        parser.error(f"no such function: {', '.join(unknown)}")
    os.chdir(ROOT)  # where targets are looked for
    names, failing = words.names or list(TARGETS), 0
    print(HEAD)
    for name in names:
        counted = faults_of_loops(TARGETS[name])
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "r"
            document = measure(TARGETS[name], "--workers", "2", "--budget", words.budget, verb="profile", out=out)
            reported = faults_of_result(load(out))
        failed = tuple(failures(document, reported, counted))
        failing += bool(failed)
        print(line(name, document, reported, counted, failed), flush=True)
    print(f"\n{len(names) - failing} of {len(names)} hold")
    sys.exit(failing > 0)


if __name__ == "__main__":
    main()
