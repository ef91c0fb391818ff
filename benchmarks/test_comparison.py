"""kernel x implementation x executor x workers through pytest-benchmark.

``pytest --benchmark-only``: the flagship kernels on one worker and on all; ``-m full``: everything else.
The times are those of one execution as the round itself measured it (its own clock and window), not of the call that
asked for it; the round's nanoseconds and repeats are in ``extra_info``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from functools import cache
from typing import Any

import pytest

from gilscope import env
from gilscope.core.cases import Case, Plan, Slot
from gilscope.core.records import CaseRecord
from gilscope.core.registry import FLAGSHIPS, IMPLEMENTATIONS, KERNELS
from gilscope.measure.calibrate import calibrate, lead_of, timeout_of
from gilscope.measure.host import SupervisedHost
from gilscope.plan import make_plan, make_study

ROUNDS = 5  # a quick look; `gilscope run` buys as many blocks as the precision asks for


class RoundClock:
    """The timer pytest-benchmark reads: it stands still except for what rounds report."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


CLOCK = RoundClock()


@cache
def _plan() -> Plan:
    usable = env.usable_cpus().count
    return make_plan(make_study(kernels=KERNELS, implementations=IMPLEMENTATIONS, workers=(1, usable)))


def _cases() -> Iterator[Any]:
    for group in _plan().groups:
        for slot in group.slots:
            if slot.role == "case":
                marks = () if slot.case.kernel in FLAGSHIPS else (pytest.mark.full,)
                yield pytest.param(slot.case, id=slot.case.id, marks=marks)


_repeats: dict[str, int] = {}


def _repeats_of(host: SupervisedHost, record: CaseRecord) -> int:
    """Calibrate on T(1), as ``run`` does; a case met before its T(1) prepares that first."""
    t1 = record.case.t1
    if t1.id not in _repeats:
        first = record if t1 == record.case else host.prepare(Slot(case=t1))
        assert first.status == "ok", first.reason
        _repeats[t1.id], _ = calibrate(host, Slot(case=t1), first.first_ns / 1e9)
    return _repeats[t1.id]


@pytest.mark.benchmark(timer=CLOCK)
@pytest.mark.parametrize("case", list(_cases()))
def test_case(benchmark: Any, case: Case, host: SupervisedHost) -> None:
    record = host.prepare(Slot(case=case))
    assert record.status == "ok", f"{record.status}: {record.reason}\n{record.detail}"
    repeats = _repeats_of(host, record)
    lead, timeout_s = lead_of(case, repeats), timeout_of(repeats * record.first_ns / 1e9)
    rounds_ns: list[int] = []

    def one_round() -> None:
        measured = host.run_round(Slot(case=case), repeats, lead, timeout_s)
        rounds_ns.append(measured.wall_ns)
        CLOCK.now_s += measured.wall_ns / repeats / 1e9

    # Sizes apart: py_loop runs a smaller problem, and pytest-benchmark compares times within a group.
    benchmark.group = f"{case.kernel} {case.size}"
    benchmark.extra_info.update(asdict(case))
    benchmark.extra_info.update(
        case=case.id,
        repeats=repeats,
        work=asdict(record.work) if record.work else None,
        isa=record.isa,
        jit_cache=record.jit_cache,
        one_time_ns=dict(record.one_time_ns),
    )
    benchmark.pedantic(one_round, rounds=ROUNDS, iterations=1, warmup_rounds=0)
    benchmark.extra_info["rounds_ns"] = rounds_ns
