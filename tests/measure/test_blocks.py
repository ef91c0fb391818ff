"""The block loop on a host that does no work: a clock that only moves when a round is run, so every number is exact."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from gilscope.core.cases import Case, Group, Plan, Slot, Study, Unavailable
from gilscope.core.errors import RoundTimeoutError, WorkerRaisedError
from gilscope.core.records import Block, CaseRecord, Round, Stamp
from gilscope.measure.blocks import Prepared, prepare_all, run_blocks
from gilscope.measure.calibrate import ROUND_S, calibrate, lead_of
from gilscope.measure.events import Observer
from gilscope.measure.host import Lead
from gilscope.results.codec import decode_watched
from gilscope.stats import LOOKS


class FakeHost:
    """Executes nothing: an execution of a case takes ``seconds(case)`` of a clock of its own."""

    def __init__(self, seconds: Callable[[Case], float], overhead_s: float = 0.0) -> None:
        self.seconds, self.overhead_s = seconds, overhead_s
        self.now_ns = 0
        self.rounds: list[tuple[str, int, Lead]] = []
        self.bound: list[int | None] = []
        self.cpus = 0
        self.failing: dict[str, Exception] = {}
        self.status: dict[str, str] = {}
        self.replaced = 0
        self.diagnosed: list[str] = []

    def clock(self) -> int:
        return self.now_ns

    def prepare(self, slot: Slot) -> CaseRecord:
        case = slot.case
        status: Any = self.status.get(slot.session, "ok")
        return CaseRecord(case=case, status=status, first_ns=int(self.seconds(case) * 1e9))

    def run_round(self, slot: Slot, repeats: int, lead: Lead, timeout_s: float, *, cpu: int | None = None) -> Round:
        case = slot.case
        self.rounds.append((case.id, repeats, lead))
        self.bound.append(cpu)
        if case.id in self.failing:
            raise self.failing[case.id]
        start = self.now_ns
        self.now_ns += int((repeats * self.seconds(case) + self.overhead_s) * 1e9)
        end = start + int(repeats * self.seconds(case) * 1e9)
        return Round(repeats=repeats, start_ns=start, end_ns=end, stamps=self.stamps(case, start, end, cpu))

    def stamps(self, case: Case, start: int, end: int, cpu: int | None) -> tuple[Stamp, ...]:
        """Workers on CPU 0, 1, ..., or on the one they are bound to; none where CPUs are not known."""
        if not self.cpus:
            return ()
        on = [index % self.cpus if cpu is None else cpu for index in range(case.workers)]
        return tuple(Stamp(submit_ns=start, start_ns=start, end_ns=end, cpu_ns=end - start, cpu=one) for one in on)

    def diagnose(self, slot: Slot, repeats: int, lead: Lead, timeout_s: float) -> tuple[Round, dict[str, Any]]:
        self.diagnosed.append(slot.case.id)
        gil = {"held": 0.5, "kept": [("worker-0", self.now_ns, self.now_ns + 1)]}
        return Round(repeats=repeats, start_ns=self.now_ns, end_ns=self.now_ns + 1), gil

    def replace_runners(self) -> None:
        self.replaced += 1


class Sink:
    """Keeps what was measured."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self.records: list[CaseRecord] = []
        self.diagnostics: list[Mapping[str, Any]] = []
        self.case, self.block, self.diagnostic = self.records.append, self.blocks.append, self.diagnostics.append


def _plan(*kernels: str, workers: int = 2) -> Plan:
    groups = []
    for kernel in kernels:
        case = Case(kernel=kernel, implementation="cy_nogil", executor="threads", workers=workers, size="M")
        spin = Case(kernel="spin", implementation="cy_nogil", executor="threads", workers=workers, size="M")
        slots = (
            Slot(case=case.t1),
            Slot(case=case),
            Slot(case=spin.t1, role="spin"),
            Slot(case=spin, role="spin"),
            Slot(case=case.t1, role="A/A"),
        )
        groups.append(Group(kernel=kernel, slots=slots))
    return Plan(groups=tuple(groups), unavailable=())


def _study(budget_s: float = 30.0, precision: float = 0.05) -> Study:
    return Study(
        kernels=("a",),
        implementations=("cy_nogil",),
        executors=(),
        workers=(2,),
        budget_s=budget_s,
        precision=precision,
    )


def _measure(host: FakeHost, plan: Plan, study: Study) -> tuple[list[Block], list[CaseRecord], Prepared]:
    sink = Sink()
    prepared = prepare_all(plan, host, Observer(), sink)
    run_blocks(plan, study, host, prepared, Observer(), sink, clock_ns=host.clock)
    return sink.blocks, sink.records, prepared


def steady(case: Case) -> float:
    return 0.05 / case.workers


def noisy(seed: int) -> Callable[[Case], float]:
    generator = random.Random(seed)
    return lambda case: steady(case) * generator.uniform(0.5, 1.5)


def test_a_block_has_one_round_of_every_slot() -> None:
    plan = _plan("a")
    blocks, _, _ = _measure(FakeHost(steady), plan, _study())
    assert all(set(block.rounds) == {slot.key for slot in plan.groups[0].slots} for block in blocks)


def test_the_order_within_a_block_is_random_but_seeded() -> None:
    orders = []
    for _ in range(2):
        blocks, _, _ = _measure(FakeHost(steady), _plan("a"), _study())
        orders.append([list(block.rounds) for block in blocks])
    assert orders[0] == orders[1]
    assert len({tuple(order) for order in orders[0]}) > 1


def test_a_steady_machine_stops_at_the_first_look() -> None:
    blocks, _, _ = _measure(FakeHost(steady), _plan("a"), _study(budget_s=1000))
    assert len(blocks) == LOOKS[0]


def test_a_noisy_machine_uses_the_budget_and_no_more() -> None:
    host = FakeHost(noisy(1))
    blocks, _, _ = _measure(host, _plan("a"), _study(budget_s=60, precision=0.001))
    spent_s = (blocks[-1].ended_ns - blocks[0].started_ns) / 1e9
    assert 60 * 0.9 < spent_s < 60 * 1.1
    assert len(blocks) > LOOKS[1]


def test_every_kernel_gets_a_block_even_when_the_budget_is_too_small() -> None:
    blocks, _, _ = _measure(FakeHost(steady), _plan("a", "b", "c"), _study(budget_s=0.001))
    assert Counter(block.kernel for block in blocks) == {"a": 1, "b": 1, "c": 1}


def test_kernels_share_a_budget_evenly_up_to_the_first_look() -> None:
    blocks, _, _ = _measure(FakeHost(noisy(2)), _plan("a", "b"), _study(budget_s=4, precision=0.001))
    counts = Counter(block.kernel for block in blocks)
    assert max(counts.values()) <= LOOKS[0]
    assert abs(counts["a"] - counts["b"]) <= 1


def test_after_the_first_look_the_widest_interval_gets_the_blocks() -> None:
    wild = noisy(3)
    host = FakeHost(lambda case: wild(case) if case.kernel == "b" else steady(case))
    blocks, _, _ = _measure(host, _plan("a", "b"), _study(budget_s=60, precision=0.001))
    counts = Counter(block.kernel for block in blocks)
    assert counts["a"] == LOOKS[0]
    assert counts["b"] > LOOKS[1]


def test_t1_is_calibrated_and_its_cases_repeat_as_often() -> None:
    host = FakeHost(lambda case: 0.0021 / case.workers)
    _, records, _ = _measure(host, _plan("a"), _study(budget_s=1))
    repeats = {record.case.id: record.repeats for record in records}
    assert repeats["a/cy_nogil@serial#M~c8"] == repeats["a/cy_nogil@threads*2#M"]
    assert 0.0021 * repeats["a/cy_nogil@serial#M~c8"] >= ROUND_S
    assert 0.0021 * repeats["a/cy_nogil@serial#M~c8"] < ROUND_S * 1.2


@pytest.mark.parametrize("seconds", [1e-7, 3e-5, 0.004, 0.19, 0.21, 7.0])
def test_calibration_reaches_the_round_length_from_any_kernel(seconds: float) -> None:
    host = FakeHost(lambda case: seconds)
    case = Case(kernel="a", implementation="cy_nogil", executor="serial", workers=1, size="M")
    repeats, round_s = calibrate(host, Slot(case=case), seconds * 3)  # the first execution is cold
    assert repeats * seconds >= ROUND_S
    assert round_s == pytest.approx(repeats * seconds, rel=0.01)
    assert (repeats - 1) * seconds <= ROUND_S * 1.1  # not one repeat more than it takes


def test_a_lead_in_is_a_fraction_of_a_round() -> None:
    case = Case(kernel="a", implementation="cy_nogil", executor="threads", workers=2, size="M")
    assert lead_of(case, 80) == Lead(repeats=10)
    assert lead_of(case, 4) == Lead(repeats=1, limit=2)
    assert lead_of(case, 1) == Lead(repeats=1, limit=1)


def test_own_threads_are_led_in_by_a_whole_repeat() -> None:
    case = Case(kernel="a", implementation="cy_prange", executor="native", workers=2, size="M")
    assert lead_of(case, 3) == Lead(repeats=1)


def test_a_wrong_result_is_never_timed() -> None:
    host = FakeHost(steady)
    host.status["a/cy_nogil@threads*2#M"] = "wrong_result"
    blocks, records, _ = _measure(host, _plan("a"), _study(budget_s=2))
    assert "a/cy_nogil@threads*2#M" not in {case_id for case_id, _, _ in host.rounds}
    assert {r.status for r in records if r.case.id == "a/cy_nogil@threads*2#M"} == {"wrong_result"}
    assert all("a/cy_nogil@serial#M~c8" in block.rounds for block in blocks)


def test_a_case_that_fails_in_a_block_is_recorded_and_the_rest_goes_on() -> None:
    host = FakeHost(steady)
    plan = _plan("a")
    prepared = prepare_all(plan, host, Observer(), Sink())
    host.failing["a/cy_nogil@threads*2#M"] = WorkerRaisedError("planted", "Traceback ...")
    sink = Sink()
    run_blocks(plan, _study(), host, prepared, Observer(), sink, clock_ns=host.clock)
    assert [(r.case.id, r.status, r.reason, r.detail) for r in sink.records] == [
        ("a/cy_nogil@threads*2#M", "failed", "planted", "Traceback ...")
    ]
    assert len(sink.blocks) > 1
    assert all("a/cy_nogil@serial#M~c8" in block.rounds for block in sink.blocks)


def test_a_round_that_hangs_is_a_timeout() -> None:
    host = FakeHost(steady)
    prepared = prepare_all(_plan("a"), host, Observer(), Sink())
    host.failing["a/cy_nogil@threads*2#M"] = RoundTimeoutError("too long")
    sink = Sink()
    run_blocks(_plan("a"), _study(2), host, prepared, Observer(), sink, clock_ns=host.clock)
    assert [record.status for record in sink.records] == ["timeout"]


def test_after_a_case_hung_the_others_of_its_kernel_get_what_is_left_of_the_budget() -> None:
    class Hanging(FakeHost):
        def run_round(self, slot: Slot, repeats: int, lead: Lead, timeout_s: float, *, cpu: int | None = None) -> Round:
            if slot.case.id in self.failing:
                self.now_ns += 50_000_000_000
            return super().run_round(slot, repeats, lead, timeout_s, cpu=cpu)

    host, plan, sink = Hanging(noisy(1)), _plan("a"), Sink()
    prepared = prepare_all(plan, host, Observer(), Sink())
    host.failing["a/cy_nogil@threads*2#M"] = RoundTimeoutError("too long")
    run_blocks(plan, _study(60, precision=0.001), host, prepared, Observer(), sink, clock_ns=host.clock)
    assert len(sink.blocks) > 5


def test_cases_without_t1_are_not_measured() -> None:
    host = FakeHost(steady)
    host.status["a/cy_nogil@serial#M~c8"] = "failed"
    _, records, _ = _measure(host, _plan("a"), _study(budget_s=2))
    by_id = {record.case.id: record for record in records}
    assert by_id["a/cy_nogil@threads*2#M"].status == "failed"
    assert "T(1)" in by_id["a/cy_nogil@threads*2#M"].reason


def test_unavailable_cases_are_written_with_their_reason() -> None:
    case = Case(kernel="a", implementation="nb_nogil", executor="serial", workers=1, size="M")
    missing = Unavailable(case=case, reason="numba is not installed", cure="pip install numba")
    plan = Plan(groups=_plan("a").groups, unavailable=(missing,))
    _, records, _ = _measure(FakeHost(steady), plan, _study(budget_s=1))
    assert (records[0].status, records[0].reason, records[0].cure) == (
        "unavailable",
        "numba is not installed",
        "pip install numba",
    )


def test_diagnostic_rounds_lie_between_blocks_and_are_not_counted() -> None:
    host, sink = FakeHost(noisy(5)), Sink()
    prepared = prepare_all(_plan("a"), host, Observer(), sink)
    run_blocks(_plan("a"), _study(30, 0.001), host, prepared, Observer(), sink, clock_ns=host.clock)
    threads = [d for d in sink.diagnostics if "threads" in d["case"]]
    serial = [d for d in sink.diagnostics if "serial" in d["case"]]
    assert [d["block"] for d in threads] == list(range(0, len(sink.blocks), 4))
    assert [d["block"] for d in serial] == [0, 7]
    assert len(host.diagnosed) == len(sink.diagnostics)
    assert all(d["gil"] == {"held": 0.5} for d in sink.diagnostics)
    assert ["trace" in d for d in threads] == [d["block"] == 0 for d in threads], "one timeline per case"
    assert not any("trace" in d for d in serial)
    assert decode_watched(threads[0]["trace"])[1][0][0] == "worker-0"


def test_an_isolated_control_that_fails_costs_only_itself() -> None:
    plan = _plan("a")
    case = plan.groups[0].slots[1].case
    isolated = Slot(case=case, role="isolated")
    plan = Plan(groups=(Group(kernel="a", slots=(*plan.groups[0].slots, isolated)),), unavailable=())
    host = FakeHost(steady)
    host.status[isolated.session] = "failed"
    blocks, records, _ = _measure(host, plan, _study(budget_s=2))
    assert all(record.status == "ok" for record in records)
    assert all(isolated.key not in block.rounds and case.id in block.rounds for block in blocks)


def test_long_studies_replace_their_runners_once() -> None:
    host = FakeHost(noisy(4))
    _measure(host, _plan("a"), _study(budget_s=100, precision=0.001))
    assert host.replaced == 1
    short = FakeHost(noisy(4))
    _measure(short, _plan("a"), _study(budget_s=20, precision=0.001))
    assert short.replaced == 0


def test_the_observer_hears_of_timed_and_spent_seconds() -> None:
    heard: list[tuple[float, float]] = []

    class Listener(Observer):
        def block_done(
            self,
            kernel: str,
            blocks: int,
            half_width: float | None,
            spent_s: float,
            seconds_left: float,
            timed_s: float,
        ) -> None:
            heard.append((spent_s, timed_s))

    host = FakeHost(steady, overhead_s=0.05)
    prepared = prepare_all(_plan("a"), host, Observer(), Sink())
    run_blocks(_plan("a"), _study(5), host, prepared, Listener(), Sink(), clock_ns=host.clock)
    spent, timed = heard[-1]
    rounds = len(heard) * 5
    assert spent - timed == pytest.approx(rounds * 0.05)


def test_a_resumed_study_goes_on_where_it_was_and_spends_what_is_left() -> None:
    plan, study = _plan("a"), _study(budget_s=30.0, precision=0.0001)
    whole, _, _ = _measure(FakeHost(noisy(3)), plan, study)
    host, sink = FakeHost(noisy(4)), Sink()
    prepared = prepare_all(plan, host, Observer(), sink)
    run_blocks(plan, study, host, prepared, Observer(), sink, clock_ns=host.clock, earlier=whole[:10])
    assert [block.index for block in sink.blocks] == list(range(10, 10 + len(sink.blocks)))
    assert 0 < len(sink.blocks) <= len(whole) - 10 + 5  # noise decides how many fit


def test_a_resumed_study_that_knows_enough_measures_nothing() -> None:
    plan, study = _plan("a"), _study()
    whole, _, _ = _measure(FakeHost(steady), plan, study)
    host, sink = FakeHost(steady), Sink()
    prepared = prepare_all(plan, host, Observer(), sink)
    run_blocks(plan, study, host, prepared, Observer(), sink, clock_ns=host.clock, earlier=whole)
    assert not sink.blocks


def test_an_executor_that_hands_out_tasks_gets_fewer_repeats_where_they_take_longer_and_never_more() -> None:
    def prepared(factor: float) -> CaseRecord:
        case = Case(kernel="nbody", implementation="cy_nogil", executor="loky", workers=2, size="M")
        host, sink = FakeHost(lambda each: 0.004 * (factor if each.by_tasks else 1.0)), Sink()
        group = Group(kernel="nbody", slots=(Slot(case=case.t1), Slot(case=case)))
        return prepare_all(Plan(groups=(group,), unavailable=()), host, Observer(), sink).records[case.id]

    single = prepared(1.0).repeats
    assert prepared(10.0).repeats == pytest.approx(single / 10, abs=1)
    assert prepared(0.5).repeats == single
