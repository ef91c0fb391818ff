"""Faults of known size, injected and found again: ``python -m benchmarks.selfbench.faults [--budget 40] [FAULT...]``.

Each fault is measured by the whole program, in a process of its own. What is printed: the loss that should show it, its
true size as a fraction of p x T(p), the size the loss accounting gives, and the findings. A fault is
recovered when the size is within 10 % of the truth or within two points, whichever is larger, and the finding is right.
Exit status 1 when one is not.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.selfbench import planted_faults

Row = Mapping[str, Any]
Rows = Mapping[str, Row]

_CLOSE, _POINTS = 0.10, 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One injected fault.

    Parameters
    ----------
    words : tuple of str
        What ``gilscope run`` is asked.
    case : str
        The case that shows it.
    losses : tuple of str
        The parts whose sum must be the fault.
    truth : float or None
        Its true size, from how it was planted; None: the part of the case's time that its twin does not take.
    twin : str
        The same case without the fault, whose losses are not the fault's.
    findings : tuple of str
        The names that are right for it; empty: none of a cause is wanted.
    cpus : set of int
        If given, the CPUs the run is confined to.
    """

    words: tuple[str, ...]
    case: str
    losses: tuple[str, ...]
    truth: float | None
    findings: tuple[str, ...]
    twin: str = ""
    cpus: frozenset[int] | None = None


# With the GIL held all the time, two workers take the time of one: half of 2 T(2) is waiting.
_SERIALISED = 0.5
_PICKLE = ("--executors", "processes", "--transport", "pickle")

FAULTS: dict[str, Fault] = {
    "GIL held by byte code": Fault(
        words=("fault_byte_code", "--implementations", "py_loop", "--executors", "threads"),
        case="fault_byte_code/py_loop@threads*2#M",
        losses=("gil_wait",),
        truth=_SERIALISED,
        findings=("gil_bound",),
    ),
    "GIL held in C, 20 ms each": Fault(
        words=("fault_long_hold", "--implementations", "cy_gil", "--executors", "threads"),
        case="fault_long_hold/cy_gil@threads*2#M",
        losses=("gil_wait",),
        truth=_SERIALISED,
        findings=("gil_held_in_c",),
    ),
    "imbalance 1 : 1.5": Fault(
        words=("fault_uneven", "--executors", "threads"),
        case="fault_uneven/cy_nogil@threads*2#M",
        losses=("imbalance",),
        truth=0.5 / 3.0,  # T(2) is 1.5, two workers 3, the work 2.5
        findings=("imbalance",),
    ),
    "pickling a payload": Fault(
        words=("fault_payload", "fault_plain", *_PICKLE),
        case="fault_payload/cy_nogil@processes.pickle*2#M",
        losses=("dispatch", "imbalance"),
        truth=None,
        twin="fault_plain/cy_nogil@processes.pickle*2#M",
        findings=("dispatch_bound",),
    ),
    "4 workers on 2 CPUs": Fault(
        words=("fault_plain", "--executors", "threads", "--workers", "4"),
        case="fault_plain/cy_nogil@threads*4#M",
        losses=("run_queue", "imbalance", "dispatch"),
        truth=0.5,
        findings=("over_subscribed",),
    ),
    "counters packed": Fault(
        words=("fault_packed", "fault_padded", "--implementations", "cy_nogil", "--executors", "threads"),
        case="fault_packed/cy_nogil@threads*2#M",
        losses=("inflation",),
        truth=None,
        twin="fault_padded/cy_nogil@threads*2#M",
        findings=("contention",),
    ),
    "asleep a quarter of the time": Fault(
        words=("fault_asleep", "--executors", "threads"),
        case="fault_asleep/cy_nogil@threads*2#M",
        losses=("blocked",),
        truth=0.25,
        findings=("lock_bound",),
    ),
    "confined to 1 CPU": Fault(
        words=("fault_plain", "--executors", "threads", "--workers", "2"),
        case="fault_plain/cy_nogil@threads*2#M",
        losses=("run_queue", "imbalance", "dispatch"),
        truth=0.5,
        findings=("over_subscribed", "quota_limited"),
        cpus=frozenset({min(os.sched_getaffinity(0))}) if hasattr(os, "sched_getaffinity") else None,
    ),
}


def measure(fault: Fault, budget: str) -> Rows:
    """Run the whole program on a fault and return its rows by case id."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, **planted_faults.plant(Path(folder) / "brought")}
        words = [*fault.words, *(() if "--workers" in fault.words else ("--workers", "2"))]
        out = ("--budget", budget, "--json", "--quiet", "--out", str(Path(folder) / "out"))
        confine = f"import os; os.sched_setaffinity(0, {set(fault.cpus)})\n" if fault.cpus else ""
        code = f"{confine}import sys\nfrom gilscope.cli import main\nsys.exit(main())"
        command = [sys.executable, "-c", code, "run", *words, *out]
        done = subprocess.run(command, stdout=subprocess.PIPE, env=environment, check=False)
    if done.returncode:
        sys.exit(f"gilscope {' '.join(command[3:])} ended with exit status {done.returncode}")
    return {row["case"]: row for row in json.loads(done.stdout)["cases"]}


def _loss(row: Row, part: str) -> float:
    """Return the size of a loss; 0 where the case cannot have it."""
    estimate = row["losses"].get(part)
    return float(estimate["value"]) if estimate else 0.0


def judge(name: str, fault: Fault, rows: Rows) -> bool:
    """Print one line; return whether the fault was recovered."""
    row = rows[fault.case]
    if row["losses"] is None:
        print(f"| {name} | {'+'.join(fault.losses)} | | {row['status']}: {row['reason']} | | no |", flush=True)
        return False
    size = sum(_loss(row, part) for part in fault.losses)
    true = fault.truth or 0.0
    if fault.twin:
        twin = rows[fault.twin]
        ratio = twin["wall_s"]["value"] / row["wall_s"]["value"]
        size -= ratio * sum(_loss(twin, part) for part in fault.losses)
        true = 1.0 - ratio
    found = [entry if isinstance(entry, str) else entry["code"] for entry in row["findings"]]
    near = abs(size - true) <= max(_CLOSE * abs(true), _POINTS)
    named = bool(set(found) & set(fault.findings))
    verdict = "yes" if near and named else "no"
    print(
        f"| {name} | {' + '.join(fault.losses)} | {true:.3f} | {size:.3f} | {size - true:+.3f} "
        f"| {', '.join(found) or '-'} | {verdict} |",
        flush=True,
    )
    return near and named


def main() -> None:
    """Inject all faults, or those named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("faults", nargs="*", metavar="FAULT", help=f"of: {', '.join(FAULTS)}")
    parser.add_argument("--budget", default="40")
    words = parser.parse_args()
    print("| fault | losses | true | found | error | findings | recovered |\n|---|---|---|---|---|---|---|")
    chosen = words.faults or list(FAULTS)
    recovered = [judge(name, FAULTS[name], measure(FAULTS[name], words.budget)) for name in chosen]
    print(f"\n{sum(recovered)} of {len(recovered)} recovered")
    sys.exit(not all(recovered))


if __name__ == "__main__":
    main()
