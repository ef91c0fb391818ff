"""Folders of runs in which is planted what changes when."""

from __future__ import annotations

import datetime
import hashlib
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gilscope.core.cases import Case, Study
from gilscope.results import ResultWriter
from tests.analysis import rounds, synthetic

WAYS = ("nbody/cy_nogil@threads*2#M", "nbody/cy_gil@threads*2#M", "nbody/nb_nogil@threads*2#M")
START = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)

LUCK = 0.01  # of a run: all its blocks share it
SCATTER = 0.02  # from block to block


@dataclass(frozen=True, kw_only=True)
class Truth:
    """What one run would show without luck: efficiency and share of the GIL by case, and where."""

    efficiency: Mapping[str, float]
    held: Mapping[str, float]
    machine: Mapping[str, Any]
    commit: str = ""
    libraries: Mapping[str, str] | None = None


def stamp(day: int) -> str:
    """Return the time of a run."""
    return (START + datetime.timedelta(days=day)).isoformat(timespec="seconds")


def write(folder: Path, day: int, truth: Truth, draw: random.Random, *, blocks: int = 8) -> Path:
    """Write one run as its result file."""
    times: dict[str, Any] = dict(synthetic.spin(2))
    seen = []
    for case, efficiency in truth.efficiency.items():
        luck = efficiency * (1.0 + draw.gauss(0.0, LUCK))
        times[Case.parse(case).t1.id] = 0.1
        walls = [0.1 / (2 * luck) * (1.0 + draw.gauss(0.0, SCATTER)) for _ in range(blocks)]
        times[case] = walls.__getitem__
        held = max(0.0, truth.held[case] + draw.gauss(0.0, 0.007))
        probed = rounds.probe(held, 0.1)
        probed["held_long_run"] = probed["held"] | {"low": max(0.0, held - 0.01), "high": held + 0.01}
        seen.append({"case": case, "kernel": "nbody", "block": 0, "wall_ns": 10**8, "repeats": 1, "gil": probed})
    made = synthetic.result({"nbody": times}, blocks=blocks, diagnostics=tuple(seen))
    environment: dict[str, Any] = {
        **made.environment,
        "machine": dict(truth.machine),
        "started_utc": stamp(day),
        "libraries": dict(truth.libraries or {"numpy": "2.1"}),
    }
    if truth.commit:
        environment["commit"] = {"id": truth.commit, "time_utc": stamp(day)}
    path = folder / f"{day:04}" / "result.jsonl"
    study = Study(kernels=("nbody",), implementations=(), executors=("threads",), workers=(2,))
    with ResultWriter(path, study, environment, "1") as writer:
        for record in made.cases.values():
            writer.case(record)
        for block in made.blocks:
            writer.block(block)
        for diagnostic in made.diagnostics:
            writer.diagnostic(diagnostic)
    return path


def steady(case: str) -> tuple[float, float]:
    """Return efficiency and share of the GIL of a case before anything changes."""
    return {WAYS[0]: (0.95, 0.02), WAYS[1]: (0.62, 0.60), WAYS[2]: (0.90, 0.05)}[case]


def plant(
    folder: Path, seed: int, change: Callable[[int, str], tuple[float, float]], *, runs: int = 30, machine_at: int = 999
) -> None:
    """Write runs; ``change`` gives the factors of efficiency and share by run and case.

    From ``machine_at`` on they are from another machine, on which everything is less efficient.
    """
    draw = random.Random(seed)
    for run in range(runs):
        elsewhere = run >= machine_at
        figures = {case: steady(case) for case in WAYS}
        factors = {case: change(run, case) for case in WAYS}
        truth = Truth(
            efficiency={case: figures[case][0] * factors[case][0] * (0.9 if elsewhere else 1.0) for case in WAYS},
            held={case: figures[case][1] * factors[case][1] for case in WAYS},
            machine={"cpu_model": "B" if elsewhere else "A", "system": "Linux"},
            commit=hashlib.sha1(str(run).encode()).hexdigest(),
        )
        write(folder, run, truth, draw)
