"""Faults of known size, injected and found again: ``python -m benchmarks.selfbench.faults [--budget 40] [FAULT...]``.

Each fault is measured by the whole program, in a process of its own that may use two CPUs. What is printed: the loss
that should show it, its true size as a fraction of p x T(p), the size the loss accounting gives, and the findings. A
fault is recovered when the size is within 10 % of the truth or within two points, whichever is larger, and the finding
is right. ``--json FILE`` keeps the rows for docs/update.py checked. Exit status 1 when one is not recovered.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.selfbench import planted_faults
from benchmarks.selfbench.quota import CannotLimitError, limited_cpus

Row = Mapping[str, Any]
Rows = Mapping[str, Row]

_CLOSE, _POINTS = 0.10, 0.02
_ALL = ("gil_wait", "run_queue", "stolen", "dispatch", "imbalance", "blocked", "inflation", "residual")
_QUEUEING = ("run_queue", "imbalance", "dispatch")


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
        The names that are right for it.
    cpus : int
        How many CPUs the run is confined to.
    quota : float
        CPU seconds per second of a cgroup made for the run; 0: no cgroup.
    """

    words: tuple[str, ...]
    case: str
    losses: tuple[str, ...]
    truth: float | None
    findings: tuple[str, ...]
    twin: str = ""
    cpus: int = 2
    quota: float = 0.0


# With the GIL held all the time, two workers take the time of one: half of 2 T(2) is waiting.
_SERIALISED = 0.5
# What one worker uses for 3/4 of its time is busy all the time under two: T(2) is 3/4 of T(1), and so is their work
# of the 3/2 T(1) that they spend.
_THREE_QUARTERS = 1.0 - 1.0 / (2 * 0.75)
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
        losses=("dispatch", "imbalance", "inflation"),  # workers copy what they were sent
        truth=None,
        twin="fault_plain/cy_nogil@processes.pickle*2#M",
        findings=("dispatch_bound",),
    ),
    "4 workers on 2 CPUs": Fault(
        words=("fault_plain", "--executors", "threads", "--workers", "4"),
        case="fault_plain/cy_nogil@threads*4#M",
        losses=_QUEUEING,
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
    "one lock, 3/4 of the time": Fault(
        words=("fault_locked", "--executors", "threads"),
        case="fault_locked/cy_nogil@threads*2#M",
        losses=("blocked", "imbalance"),  # whoever comes last is waited for at the end
        truth=_THREE_QUARTERS,
        findings=("lock_bound",),
    ),
    "one bus, 3/4 of the time": Fault(
        words=("fault_streaming", "--executors", "threads"),
        case="fault_streaming/cy_nogil@threads*2#M",
        losses=("inflation",),
        truth=_THREE_QUARTERS,
        findings=("memory_bound",),
    ),
    "a BLAS pool x workers": Fault(
        words=("fault_blas", "--executors", "threads"),
        case="fault_blas/np_blas@threads*2#M",
        losses=_ALL,
        truth=0.5,  # one worker uses all CPUs already
        findings=("nested_parallelism",),
    ),
    "confined to 1 CPU": Fault(
        words=("fault_plain", "--executors", "threads"),
        case="fault_plain/cy_nogil@threads*2#M",
        losses=_QUEUEING,
        truth=0.5,
        findings=("over_subscribed",),
        cpus=1,
    ),
    "a cgroup quota of 1 CPU": Fault(
        words=("fault_plain", "--executors", "threads"),
        case="fault_plain/cy_nogil@threads*2#M",
        losses=_QUEUEING,
        truth=0.5,
        findings=("quota_limited",),
        quota=1.0,
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """What became of a fault; ``true`` and ``found`` are None where it could not be measured, ``reason`` says why."""

    fault: str
    losses: tuple[str, ...]
    true: float | None = None
    found: float | None = None
    findings: tuple[str, ...] = ()
    wanted: tuple[str, ...] = ()
    blocks: int = 0
    verdict: str = "no"
    reason: str = ""


@contextmanager
def _group(quota: float) -> Iterator[str]:
    """Yield Python code that brings the process that runs it under the quota."""
    if not quota:
        yield ""
        return
    with limited_cpus(quota) as members:
        yield f"open({str(members)!r}, 'w').write(str(os.getpid()))\n"


def _confining(cpus: int) -> str:
    """Return Python code that confines the process that runs it to so many CPUs.

    Raises
    ------
    CannotLimitError
    """
    if not hasattr(os, "sched_setaffinity"):
        if os.cpu_count() == cpus:
            return ""
        raise CannotLimitError(f"this system cannot confine a process to {cpus} CPUs")
    allowed = sorted(os.sched_getaffinity(0))
    if len(allowed) < cpus:
        raise CannotLimitError(f"needs {cpus} CPUs")
    return f"os.sched_setaffinity(0, {allowed[:cpus]})\n"


def measure(fault: Fault, budget: str) -> Rows:
    """Run the whole program on a fault and return its rows by case id.

    Raises
    ------
    CannotLimitError
        If the run cannot have just the CPUs it needs, by affinity or by a cgroup.
    """
    confine = _confining(fault.cpus)
    with tempfile.TemporaryDirectory() as folder, _group(fault.quota) as join:
        environment = {**os.environ, **planted_faults.plant(Path(folder) / "brought")}
        words = [*fault.words, *(() if "--workers" in fault.words else ("--workers", "2"))]
        out = ("--budget", budget, "--json", "--quiet", "--out", str(Path(folder) / "out"))
        code = f"import os, sys\n{join}{confine}from gilscope.cli import main\nsys.exit(main())"
        command = [sys.executable, "-c", code, "run", *words, *out]
        done = subprocess.run(command, stdout=subprocess.PIPE, env=environment, check=False)
    if done.returncode:
        sys.exit(f"gilscope {' '.join(command[3:])} ended with exit status {done.returncode}")
    return {row["case"]: row for row in json.loads(done.stdout)["cases"]}


def _loss(row: Row, part: str) -> float:
    """Return the size of a loss; 0 where the case cannot have it."""
    estimate = row["losses"].get(part)
    return float(estimate["value"]) if estimate else 0.0


def judge(name: str, fault: Fault, rows: Rows) -> Recovered:
    """Compare what was found with what was planted."""
    row = rows[fault.case]
    if row["losses"] is None:
        return Recovered(fault=name, losses=fault.losses, reason=f"{row['status']}: {row['reason']}")
    size = sum(_loss(row, part) for part in fault.losses)
    true = fault.truth or 0.0
    if fault.twin:
        twin = rows[fault.twin]
        ratio = twin["wall_s"]["value"] / row["wall_s"]["value"]
        size -= ratio * sum(_loss(twin, part) for part in fault.losses)
        true = 1.0 - ratio
    near = abs(size - true) <= max(_CLOSE * abs(true), _POINTS)
    named = bool(set(row["findings"]) & set(fault.findings))
    return Recovered(
        fault=name,
        losses=fault.losses,
        true=true,
        found=size,
        findings=tuple(row["findings"]),
        wanted=fault.findings,
        blocks=row["blocks"],
        verdict="yes" if near and named else "no",
    )


def recovered(name: str, budget: str) -> Recovered:
    """Inject a fault and look for it."""
    fault = FAULTS[name]
    try:
        return judge(name, fault, measure(fault, budget))
    except CannotLimitError as error:
        return Recovered(fault=name, losses=fault.losses, verdict="n/a", reason=str(error))


HEAD = "| fault | losses | true | found | error | findings | recovered |\n|---|---|---|---|---|---|---|"


def line(row: Mapping[str, Any]) -> str:
    """Lay out a row of the table."""
    parts = "all" if tuple(row["losses"]) == _ALL else " + ".join(row["losses"])
    if row["true"] is None or row["found"] is None:
        return f"| {row['fault']} | {parts} | | | | {row['reason']} | {row['verdict']} |"
    numbers = f"{row['true']:.3f} | {row['found']:.3f} | {row['found'] - row['true']:+.3f}"
    return f"| {row['fault']} | {parts} | {numbers} | {', '.join(row['findings']) or '-'} | {row['verdict']} |"


def main() -> None:
    """Inject all faults, or those named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("faults", nargs="*", metavar="FAULT", help=f"of: {', '.join(FAULTS)}")
    parser.add_argument("--budget", default="40")
    parser.add_argument("--json", type=Path, help="also write the rows there")
    words = parser.parse_args()
    print(HEAD)
    rows = []
    for name in words.faults or FAULTS:
        rows.append(asdict(recovered(name, words.budget)))
        print(line(rows[-1]), flush=True)
    verdicts = [row["verdict"] for row in rows]
    print(f"\n{verdicts.count('yes')} of {len(verdicts)} recovered, {verdicts.count('n/a')} n/a")
    if words.json:
        words.json.write_text(json.dumps({"budget": words.budget, "faults": rows}, indent=1) + "\n")
    sys.exit("no" in verdicts)


if __name__ == "__main__":
    main()
