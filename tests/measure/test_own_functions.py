"""Rounds of a user's function: long enough for calls that differ, short beside the budget, and none for nothing."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import pytest

from gilscope.core.cases import Case, Group, Plan, Slot
from gilscope.core.records import Round, Stamp
from gilscope.measure.blocks import prepare_all, run_blocks
from gilscope.measure.calibrate import lead_of, longer
from gilscope.measure.events import Observer
from gilscope.measure.host import Lead
from tests.measure.test_blocks import FakeHost, Sink, _measure, _study

SINGLE_S = 0.025


@pytest.mark.parametrize(
    ("case", "budget_s", "times"),
    [
        ("m:f/f@threads*2#2~c1", math.inf, 10),  # 0.25 s: who shares a GIL wants it in the beginning
        ("m:f/f@threads*2#2~c1", 16.0, 10),
        ("m:f/f@threads*2#2~c1", 10.0, 8),
        ("m:f/f@threads*2#2~c1", 1.0, 4),  # but 0.1 s in any case
        ("m:f/f@threads.all*2#2~c1", 10.0, 4),
        ("m:f/f@threads.all*2#4~c1", 10.0, 2),
        ("m:f/f@native*2#8~c1", 10.0, 1),  # 8 calls
        ("m:f/f@processes*2#2~c1", 10.0, 4),
        ("m:f/f@processes*2#2~c1", math.inf, 4),
        ("m:f/f@threads*2#400", 10.0, 1),  # calls enough
        ("mandelbrot/cy_nogil@threads*2#M", 10.0, 1),
    ],
)
def test_calls_of_a_round(case: str, budget_s: float, times: int) -> None:
    assert longer(Case.parse(case), 1, SINGLE_S, budget_s) == times


@pytest.mark.parametrize(
    ("case", "repeats", "execution_s", "lead"),
    [
        ("m:f/f@serial#2~c2", 1, 0.03, Lead(repeats=0)),  # one call of 15 ms would be half of the round
        ("m:f/f@threads*2#2~c1", 12, 0.03, Lead(repeats=0)),
        ("m:f/f@native*1#2~c1", 1, 0.03, Lead(repeats=0)),
        ("m:f/f@native*2#2~c1", 8, 0.03, Lead(repeats=0)),
        ("m:f/f@serial#2~c2", 1, 0.008, Lead(repeats=1, limit=1)),  # 4 ms
        ("m:f/f@threads*2#2~c1", 12, 0.008, Lead(repeats=1)),
        ("m:f/f@native*2#2~c1", 3, 0.004, Lead(repeats=1)),
        ("m:f/f@loky*2#2~c1", 1, 0.03, Lead(repeats=1, limit=1)),  # workers make jobs ready in it
        ("gemm/cy_nogil@serial#L~c8", 1, 0.3, Lead(repeats=1, limit=1)),
        ("gemm/cy_nogil@threads*2#L", 1, 0.3, Lead(repeats=1, limit=1)),
    ],
)
def test_long_calls_have_no_lead_in_neither_t1_nor_its_cases(
    case: str, repeats: int, execution_s: float, lead: Lead
) -> None:
    assert lead_of(Case.parse(case), repeats, execution_s) == lead


def _own(*cases: str) -> Plan:
    parsed = [Case.parse(text) for text in cases]
    slots = [Slot(case=case) for case in dict.fromkeys(each for case in parsed for each in (case.t1, case))]
    controls = (Slot(case=parsed[-1], role="isolated"), Slot(case=parsed[-1].t1, role="A/A"))
    return Plan(groups=(Group(kernel="m:f", slots=(*slots, *controls)),), unavailable=())


PLAIN = "m:f/f@threads*2#2~c1"


def test_diagnostic_rounds_are_as_long_as_counted_ones_where_those_are_long_enough() -> None:
    class Diagnosed(FakeHost):
        repeats: int = 0

        def diagnose(self, slot: Slot, repeats: int, lead: Lead, timeout_s: float) -> tuple[Round, dict[str, Any]]:
            self.repeats = repeats if slot.case.id == PLAIN else self.repeats
            return super().diagnose(slot, repeats, lead, timeout_s)

    host, plan = Diagnosed(lambda case: 0.02), _own(PLAIN)
    prepared = prepare_all(plan, host, Observer(), Sink())
    run_blocks(plan, _study(budget_s=2), host, prepared, Observer(), Sink(), clock_ns=host.clock)
    assert host.repeats == prepared.records[PLAIN].repeats > prepared.records[f"isolated:{PLAIN}"].repeats


class Working(FakeHost):
    """Workers of several keep their CPUs busy for a share of a round."""

    def __init__(self, share: float) -> None:
        super().__init__(lambda case: 0.02 / case.workers)
        self.cpus, self.share = 2, share

    def stamps(self, case: Case, start: int, end: int, cpu: int | None) -> tuple[Stamp, ...]:
        share = self.share if case.workers > 1 else 1.0
        found = super().stamps(case, start, end, cpu)
        return tuple(dataclasses.replace(stamp, cpu_ns=round(share * stamp.cpu_ns)) for stamp in found)


@pytest.mark.parametrize(("share", "calls"), [(1.0, 8), (0.9, 12)])
def test_workers_that_hardly_wait_have_shorter_rounds_from_the_second_block_on(share: float, calls: int) -> None:
    """Twelve executions of two calls are 0.24 s on one CPU."""
    plan, study = _own(PLAIN), _study(budget_s=10, precision=0.0001)
    blocks, records, _ = _measure(Working(share), plan, study)
    assert [block.rounds[PLAIN].repeats for block in blocks[:3]] == [12, calls, calls]
    assert records[-1].repeats == calls  # as the file says
