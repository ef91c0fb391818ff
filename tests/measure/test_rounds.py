"""Which CPUs are paced, when, and what becomes of it, on the host and the clock of the tests of blocks."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from gilscope.core.cases import Case, Slot
from gilscope.core.errors import RoundTimeoutError
from gilscope.core.records import Round, Stamp
from gilscope.measure.blocks import prepare_all, run_blocks
from gilscope.measure.events import Observer
from tests.measure.test_blocks import FakeHost, Sink, _measure, _plan, _study, steady


def paced(single_s: float = 0.01) -> FakeHost:
    host = FakeHost(lambda case: single_s / case.workers)
    host.cpus = 2
    return host


def test_cpus_are_paced_before_and_after_rounds_of_several_workers() -> None:
    host = paced()
    blocks, _, _ = _measure(host, _plan("a"), _study())
    case, single, spin = "a/cy_nogil@threads*2#M", "a/cy_nogil@serial#M~c8", "spin/cy_nogil@threads*2#M"
    ids = [name for name, _, _ in host.rounds]
    last = len(ids) - 1 - ids[::-1].index(case)
    around = list(zip(ids, host.bound, strict=True))[last - 3 : last + 4]
    assert [name for name, _ in around] == [single, single, spin, case, single, single, spin]
    assert [{cpu for _, cpu in part} for part in (around[:2], around[4:6])] == [{0, 1}, {0, 1}]
    assert {cpu for name, cpu in around if name in (case, spin)} == {None}
    assert all(set(block.rounds) == {slot.key for slot in _plan("a").groups[0].slots} for block in blocks)
    found = {(pace.case.id, pace.cpu) for pace in blocks[-1].paces}
    assert {(single, 0), (single, 1), (spin, 0), (spin, 1)} <= found


def test_the_round_of_t1_is_all_its_paces_together() -> None:
    blocks, _, _ = _measure(paced(), _plan("a"), _study())
    for block in blocks[1:]:
        own = block.rounds[own_case().id]
        paces = [pace for pace in block.paces if pace.case == own_case()]
        assert own.repeats == len(paces)
        assert own.stamps[0].cpu_ns == pytest.approx(sum(pace.cpu_ns for pace in paces))


def own_case() -> Case:
    return _plan("a").groups[0].slots[0].case


def test_a_t1_that_fails_while_cpus_are_paced_is_recorded_and_the_others_go_on() -> None:
    host, sink = paced(), Sink()
    prepared = prepare_all(_plan("a"), host, Observer(), Sink())
    host.failing[own_case().id] = RoundTimeoutError("too long")
    run_blocks(_plan("a"), _study(2), host, prepared, Observer(), sink, clock_ns=host.clock)
    assert [(record.case, record.status) for record in sink.records] == [(own_case(), "timeout")]
    assert all("a/cy_nogil@threads*2#M" in block.rounds for block in sink.blocks)


def test_where_it_is_not_known_which_cpus_were_used_t1_takes_its_turn() -> None:
    host = FakeHost(steady)
    blocks, _, _ = _measure(host, _plan("a"), _study())
    assert set(host.bound) == {None}
    assert not any(block.paces for block in blocks)


def test_with_executions_that_take_long_one_cpu_after_the_other_is_tried() -> None:
    host = paced(0.05)
    _measure(host, _plan("a"), _study())
    ids = [name for name, _, _ in host.rounds]
    last = len(ids) - 1 - ids[::-1].index("a/cy_nogil@threads*2#M")
    before, after = host.bound[last - 2], host.bound[last + 1]
    assert {before, after} == {0, 1}
    assert ids[last - 2] == ids[last + 1] == own_case().id


def test_with_several_cases_long_executions_come_after_each_and_isolated_controls_have_none() -> None:
    plan = _plan("a")
    threads = plan.groups[0].slots[1].case
    others = Slot(case=dataclasses.replace(threads, executor="processes")), Slot(case=threads, role="isolated")
    assert others[0].case.t1 == own_case()
    plan = dataclasses.replace(
        plan, groups=(dataclasses.replace(plan.groups[0], slots=(*plan.groups[0].slots, *others)),)
    )
    host = paced(0.05)
    blocks, _, _ = _measure(host, plan, _study())
    assert {sum(pace.case == own_case() for pace in block.paces) for block in blocks[2:]} == {2}
    assert {len(block.rounds) for block in blocks[2:]} == {7}


def test_executions_that_take_longer_still_are_not_repeated_to_try_cpus() -> None:
    host = paced(0.15)
    blocks, _, _ = _measure(host, _plan("a"), _study(2))
    assert set(host.bound) == {None}
    assert not any(block.paces for block in blocks)


def test_more_workers_than_a_file_keeps_apart_are_not_paced() -> None:
    host = paced()
    _measure(host, _plan("a", workers=17), _study(2))
    assert set(host.bound) == {None}


def test_only_a_few_cpus_are_paced_whatever_the_number_of_workers() -> None:
    host = paced()
    host.cpus = 16
    blocks, _, _ = _measure(host, _plan("a", workers=16), _study(2))
    singles = [pace for pace in blocks[-1].paces if pace.case.executor == "serial" and pace.case.kernel == "a"]
    assert len({pace.cpu for pace in singles}) <= 8  # four before, and four after


@pytest.mark.parametrize(
    ("cpu", "process", "bound"),
    [(1.0, None, True), (1.0, 1.1, True), (1.0, 1.9, False), (0.4, 0.4, False), (0.6, 0.6, True)],
)
def test_t1_is_bound_to_cpus_only_if_it_computes_in_its_own_thread_alone(
    cpu: float, process: float | None, bound: bool
) -> None:
    host = paced()
    stamps = host.stamps

    def made(case: Case, start: int, end: int, on: int | None) -> tuple[Stamp, ...]:
        found = stamps(case, start, end, on)
        return tuple(dataclasses.replace(one, cpu_ns=int(cpu * (end - start))) for one in found)

    run = host.run_round

    def run_round(slot: Slot, *words: Any, **more: Any) -> Round:
        measured = run(slot, *words, **more)
        spent = None if process is None else int(process * measured.wall_ns)
        return dataclasses.replace(measured, process_cpu_ns=spent)

    host.stamps, host.run_round = made, run_round  # type: ignore[method-assign]
    _measure(host, _plan("a"), _study(2))
    assert (set(host.bound) != {None}) == bound
