"""Results made by hand: every time is chosen, so every figure is known."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from gilscope.analysis import analyse
from gilscope.analysis.to_json import to_json
from gilscope.core.cases import Case, Slot
from gilscope.core.records import Block, CaseRecord, ResultSet, Round
from gilscope.core.spec import Work
from gilscope.report.sentences import verdict

Time = float | Callable[[int], float | None]
"""Seconds per execution, or a function of the block's index; None: the slot is missing in that block."""

WORK = Work(units=1_000_000, unit="iterations")


def block(kernel: str, index: int, times: Mapping[str, Time], repeats: int = 1) -> Block:
    """Return one block whose slots take the given times."""
    rounds = {}
    for key, time in times.items():
        seconds = time(index) if callable(time) else time
        if seconds is not None:
            rounds[key] = Round(repeats=repeats, start_ns=0, end_ns=round(seconds * repeats * 1e9))
    return Block(kernel=kernel, index=index, started_ns=0, ended_ns=10**9, rounds=rounds)


def record(case: str, **more: Any) -> CaseRecord:
    return CaseRecord(**{"case": Case.parse(case), "repeats": 1, "work": WORK, **more})


def result(
    times: Mapping[str, Mapping[str, Time]],
    *,
    blocks: int = 10,
    records: Iterable[CaseRecord] = (),
    cpus: int = 2,
    precision: float = 0.05,
    repeats: int = 1,
    **more: Any,
) -> ResultSet:
    """Return a result of kernels with slots of given times; every slot's case has a record unless one is given."""
    known = {given.case.id: given for given in records}
    for slots in times.values():
        for key in slots:
            case = key.split(":", 1)[1] if key.startswith(("spin:", "A/A:", "isolated:")) else key
            known.setdefault(case, record(case))
    made = [block(kernel, i, slots, repeats) for kernel, slots in times.items() for i in range(blocks)]
    environment = {"cpus": {"count": cpus}, "interpreter": {"label": "3.11", "gil_enabled": True}}
    return ResultSet(
        **{
            "path": "out/result.jsonl",
            "tool_version": "0.1.0",
            "study": {"precision": precision, "budget_s": 60.0},
            "environment": environment,
            "cases": known,
            "blocks": tuple(made),
            **more,
        }
    )


def spin(workers: int, efficiency: float = 1.0) -> dict[str, Time]:
    """Return the slots of a spin control that reaches ``efficiency``."""
    case = Case(kernel="spin", implementation="cy_nogil", executor="threads", workers=workers, size="M")
    return {
        Slot(case=case.t1, role="spin").key: 0.1,
        Slot(case=case, role="spin").key: 0.1 / (workers * efficiency),
    }


def row(document: Mapping[str, Any], case: str, part: str = "cases") -> dict[str, Any]:
    """Return the row of a case."""
    (found,) = [row for row in document[part] if row["case"] == case]
    return found


def documented(made: ResultSet) -> dict[str, Any]:
    """Return what a result says as ``--json`` prints it."""
    return to_json(analyse(made), verdict)
