"""The runs in a folder: what each measured, when, of which commit, and on what.

The files are the store: results (``*.jsonl``) and the decisions of gates (``*.json``), wherever they are in the folder.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

from gilscope import results
from gilscope.analysis.build import figures
from gilscope.analysis.columns import scaled
from gilscope.analysis.compare import rows_by_case
from gilscope.analysis.rows import MEASURED, CaseRow
from gilscope.core.errors import ForeignFileError, GilscopeError, ResultFileError
from gilscope.results.reader import MALFORMED, parse_object
from gilscope.results.schema import RESULT_NAME
from gilscope.results.surroundings import Surroundings
from gilscope.stats import Estimate

GATES_SCHEMA = "gilscope.gates"

Around: TypeAlias = tuple[tuple[str, str, Any], ...]
"""Where a case was measured: (where, name, value) of all that must be the same to compare runs."""

_MACHINE = ("system", "release", "architecture", "cpu_model")
_CPUS = ("count", "logical", "physical", "quota_cpus")
_PYTHON = ("implementation", "version", "free_threaded", "gil_enabled", "compiler")
_HEAD_BYTES = 200  # a document says what it is before that


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What one run says about one case; None where it was not measured.

    Parameters
    ----------
    group : str
        What its cases are ways of doing: a kernel, a function, a test.
    interpreter : str
        Label of the interpreter in the case's id; empty for the one that gilscope ran in.
    speedup : Estimate or None
        Net, or as timed where net is not known.
    held : Estimate or None
        Share of the time in which some thread held the GIL.
    """

    group: str
    workers: int
    interpreter: str = ""
    speedup: Estimate | None = None
    net_speedup: Estimate | None = None
    held: Estimate | None = None

    @property
    def efficiency(self) -> Estimate | None:
        """Speed-up over the workers."""
        return scaled(self.speedup, 1.0 / self.workers)


@dataclass(frozen=True, kw_only=True)
class Run:
    """One file of the folder."""

    path: str  # below the folder
    surroundings: Surroundings
    tool_version: str
    cases: Mapping[str, Figures]  # by what names the case in every run

    @property
    def order(self) -> tuple[str, str]:
        """Sort key: the time of the commit, or of the run where none is known; then the time of the run."""
        here = self.surroundings
        return here.commit.time_utc or here.started_utc, here.started_utc

    @property
    def when(self) -> str:
        """The time it is ordered by, ISO 8601."""
        return self.order[0]

    @property
    def commit(self) -> str:
        """The commit in the ten digits that people write; empty where none is known."""
        return self.surroundings.commit.id[:10]

    @cached_property
    def machine(self) -> Around:
        """What surrounds every case: machine, CPUs, kernel, the running Python and gilscope."""
        here = self.surroundings
        return (
            *(("machine", name, getattr(here.machine, name)) for name in _MACHINE),
            *(("cpus", name, getattr(here.cpus, name)) for name in _CPUS),
            *(("interpreter", name, getattr(here.interpreter, name)) for name in _PYTHON),
            ("gilscope", "version", self.tool_version),
        )

    def around(self, case: Figures) -> Around:
        """Return what surrounded one case: its own interpreter in place of the running one."""
        own = next((one for one in self.surroundings.interpreters if one.label == case.interpreter), None)
        if not case.interpreter or own is None:
            return self.machine
        where = f"interpreter {own.label}"
        others = (entry for entry in self.machine if entry[0] != "interpreter")
        return (*others, *((where, name, getattr(own, name)) for name in _PYTHON))


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A file that is no run, and why."""

    path: str
    reason: str


def read_runs(folder: Path) -> tuple[tuple[Run, ...], tuple[LeftOut, ...]]:
    """Read the runs in a folder, in the order of their commits, and what was left out.

    Time linear in the size of the files; each is read once, one at a time. What gilscope writes besides is passed over.
    """
    runs, left_out = [], []
    for path in sorted(path for ending in ("*.jsonl", "*.json") for path in folder.rglob(ending)):
        name = path.relative_to(folder).as_posix()
        try:
            found = _result(path, name) if path.suffix == ".jsonl" else _gates(path, name)
        except ForeignFileError as error:
            if path.name == RESULT_NAME:
                left_out.append(LeftOut(name, str(error)))
        except GilscopeError as error:
            left_out.append(LeftOut(name, str(error)))
        else:
            if found is None:
                continue
            if not found.when:
                left_out.append(LeftOut(name, "it does not say when it was measured"))
            elif not found.cases:
                left_out.append(LeftOut(name, "nothing was measured"))
            else:
                runs.append(found)
    return tuple(sorted(runs, key=lambda run: (run.order, run.path))), tuple(left_out)


def _result(path: Path, name: str) -> Run:
    measured = results.load(path)
    rows = rows_by_case(figures(measured), own=bool(measured.study.get("functions")))
    return Run(
        path=name,
        surroundings=Surroundings.of(measured.environment),
        tool_version=measured.tool_version,
        cases={key: _of_row(row) for key, row in rows.items() if row.status in MEASURED},
    )


def _of_row(row: CaseRow) -> Figures:
    return Figures(
        group=f"{row.case.kernel}/{row.case.implementation}",
        workers=row.case.workers,
        interpreter=row.case.interpreter,
        speedup=row.judged,
        net_speedup=row.net_speedup,
        held=row.gil.held,
    )


def _gates(path: Path, name: str) -> Run | None:
    """Read the decisions of gates; None if the file is another document."""
    try:
        with path.open("rb") as file:
            if f'"{GATES_SCHEMA}"'.encode() not in file.read(_HEAD_BYTES):
                return None
        document = parse_object(path.read_bytes())
        cases = dict(_decided(document["decisions"]))
        around = Surroundings.of(document.get("environment"))
        return Run(path=name, surroundings=around, tool_version=str(document.get("tool_version", "")), cases=cases)
    except (OSError, AttributeError, *MALFORMED) as error:
        raise ResultFileError(f"{path} is not a whole document of gates: {error}") from None


def _decided(decisions: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, Figures]]:
    for one in decisions:
        test = str(one["test"])
        if one["gate"] == "gil":
            key = f"{test} {one['function']}"
            yield key, Figures(group=key, workers=1, held=_estimate(one.get("held")))
        elif one.get("speedup") is not None:
            net, workers = _estimate(one.get("net_speedup")), int(one["workers"])
            timed = _estimate(one["speedup"])
            key = f"{test} {one['executor']}*{workers}"
            yield key, Figures(group=test, workers=workers, speedup=net or timed, net_speedup=net)


def _estimate(stored: Mapping[str, Any] | None) -> Estimate | None:
    if stored is None:
        return None
    if not (stored["low"] <= stored["value"] <= stored["high"] and 0 <= stored["confidence"] < 1):
        raise ValueError("an estimate is not within its interval")
    numbers = {name: float(stored[name]) for name in ("value", "low", "high", "confidence")}
    return Estimate(**numbers, n=int(stored["blocks"]))
