"""Where workers begin: on CPUs of their own, and free from then on."""

from __future__ import annotations

import os
from typing import Any

import pytest

from gilscope.executors import Session, bound_to
from gilscope.executors._worker import Bound, Job, perform

if not hasattr(os, "sched_setaffinity"):
    pytest.skip("this system does not bind threads to CPUs", allow_module_level=True)

ALLOWED = sorted(os.sched_getaffinity(0))


class Barrier:
    """Writes down who comes when."""

    waiting_ns = waking_ns = spun_ns = 0

    def __init__(self, seen: list[Any]) -> None:
        self.seen = seen

    def wait(self) -> None:
        self.seen.append("met")

    def start(self) -> int:
        self.seen.append("begun")
        return 0

    def finish(self, end_ns: int) -> tuple[int, int]:
        return end_ns, 0


def performed(monkeypatch: pytest.MonkeyPatch, start: int | None) -> list[Any]:
    seen: list[Any] = []
    monkeypatch.setattr(os, "sched_setaffinity", lambda pid, cpus: seen.append(sorted(cpus)))
    job = Job(
        target="m:f",
        params={},
        layout=(0, ()),  # type: ignore[arg-type]
        segment="",
        phases=1,
        chunks=((0, 0, 1),),
        index=0,
        parties=2,
        barrier_slot=0,
        spin_ns=0,
        alone=True,
        start=start,
    )
    perform(Bound(job=job, function=lambda *_: None, buffers={}, barrier=Barrier(seen), import_ns=0), 3)
    return seen


def test_workers_meet_then_part_then_begin(monkeypatch: pytest.MonkeyPatch) -> None:
    assert performed(monkeypatch, ALLOWED[-1]) == ["met", [ALLOWED[-1]], ALLOWED, "begun"]


def test_a_cpu_that_is_taken_away_meanwhile_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    assert performed(monkeypatch, max(ALLOWED) + 1) == ["met", "begun"]


def test_without_a_start_nothing_is_moved(monkeypatch: pytest.MonkeyPatch) -> None:
    assert performed(monkeypatch, None) == ["begun"]


def test_a_round_on_one_cpu_says_where_it_was_and_leaves_nothing_behind() -> None:
    from gilscope.core.records import Round, Stamp

    class Once(Session):
        def run_round(self, repeats: int, limit: int | None = None) -> Round:
            self.on = os.sched_getaffinity(0)
            return Round(repeats=repeats, start_ns=0, end_ns=1, stamps=(Stamp(submit_ns=0, start_ns=0, end_ns=1),))

    session = Once()
    measured = session.run_on(ALLOWED[-1], 5)
    assert session.on == {ALLOWED[-1]}
    assert (measured.repeats, measured.stamps[0].cpu) == (5, ALLOWED[-1])
    assert sorted(os.sched_getaffinity(0)) == ALLOWED
    assert session.placed == []


def test_binding_to_no_cpu_changes_nothing() -> None:
    with bound_to([]):
        assert sorted(os.sched_getaffinity(0)) == ALLOWED
