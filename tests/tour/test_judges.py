"""A judge sees when a claim does not hold."""

from __future__ import annotations

import pytest

from gilscope.core.errors import UnavailableError
from gilscope.core.spec import Availability
from gilscope.core.trace import Trace
from gilscope.tour import (
    CHAPTERS,
    _work,
    cores,
    gil,
    ipc,
    isolation,
    lifecycle,
    load_chapter,
    native,
    synchronization,
)
from gilscope.tour import processes as processes_chapter
from gilscope.tour._model import Experiment, Judgement, at_once, overlap_ns, run_experiment
from gilscope.tour._work import judge_cores, judge_overlap, judge_turns
from tests.report.traces import MS, event, message

TOGETHER = Trace(title="", events=(event("a", "asleep", 0, 100), event("b", "asleep", 10, 110)))
IN_TURN = Trace(title="", events=(event("a", "asleep", 0, 100), event("b", "asleep", 101, 201)))


def test_turns_and_overlaps_are_told_apart() -> None:
    assert judge_turns(IN_TURN, None).holds
    assert not judge_turns(TOGETHER, None).holds
    assert judge_overlap(TOGETHER, None).holds
    assert not judge_overlap(IN_TURN, None).holds


def test_the_overlap_is_the_time_of_two_or_more() -> None:
    three = [event("a", "x", 0, 10), event("b", "x", 5, 20), event("c", "x", 8, 9), event("d", "x", 30, 40)]
    assert overlap_ns(three) == 5 * MS
    assert max(depth for _, depth in at_once(three)) == 3


def test_who_ends_without_a_word_is_missed() -> None:
    with pytest.raises(UnavailableError, match="1 of 2 workers ended without a word"):
        judge_overlap(Trace(title="", events=TOGETHER.events[:1]), None)


def counted(cpu_ms: float, queued_ms: float) -> Trace:
    """Two threads that count for 100 ms at the same time, with so much CPU time and queueing each."""
    facts = {f"{lane} {what}": int(ms * MS) for lane in "ab" for what, ms in _spent(cpu_ms, queued_ms)}
    return Trace(title="", events=(event("a", "counting", 0, 100), event("b", "counting", 0, 100)), facts=facts)


def _spent(cpu_ms: float, queued_ms: float) -> tuple[tuple[str, float], ...]:
    return (("cpu_ns", cpu_ms), ("run_queue_ns", queued_ms))


@pytest.mark.parametrize(
    ("cpu_ms", "queued_ms", "one", "two"),
    [
        (50, 0, True, False),  # turns under the GIL
        (25, 20, True, False),  # turns under the GIL on a busy machine
        (98, 0, False, True),  # side by side
        (45, 50, True, True),  # side by side, on one CPU: using one core does not prove a lock, nor need it disprove
    ],
)
def test_locks_are_told_from_a_lack_of_cpus(cpu_ms: float, queued_ms: float, one: bool, two: bool) -> None:
    trace = counted(cpu_ms, queued_ms)
    assert judge_cores(trace, None, together=False).holds == one
    assert judge_cores(trace, None, together=True).holds == two


def state(*names: str) -> list[str]:
    return list(names)


GOOD_THREAD = state("new", lifecycle.SLEEPING, lifecycle.RUNNING, lifecycle.GONE)


@pytest.mark.parametrize(
    ("judge", "trace", "good", "bad"),
    [
        (lifecycle._judge_life, IN_TURN, GOOD_THREAD, GOOD_THREAD[::-1]),
        (lifecycle._judge_costs, IN_TURN, {"thread": [1], "process": [9]}, {"thread": [9], "process": [1]}),
        (synchronization._judge_lost, IN_TURN, 2 * synchronization.INCREMENTS - 1, 2 * synchronization.INCREMENTS),
        (synchronization._judge_rlock, IN_TURN, {"Lock": False, "RLock": True}, {"Lock": True, "RLock": True}),
        (synchronization._judge_queue, IN_TURN, [0, 1, 2, 3, 4], [0, 2, 1, 3, 4]),
        (
            synchronization._judge_no_deadlock,
            IN_TURN,
            ["second", "first"],
            ["first"],
        ),
        (isolation._judge_memory, IN_TURN, ["changed", "as before"], ["changed", "changed"]),
        (gil._judge_convoy, IN_TURN, {"alone": [2 * MS], "beside": [7 * MS]}, {"alone": [2 * MS], "beside": [3 * MS]}),
        (native._judge_speeds, IN_TURN, {"Python": 60, "Numba": 10}, {"Python": 30, "Numba": 10}),
    ],
)
def test_what_was_returned_is_judged(judge, trace: Trace, good: object, bad: object) -> None:
    assert judge(trace, good).holds
    assert not judge(trace, bad).holds


def test_what_a_life_costs_is_left_open_where_other_programs_delayed_the_threads() -> None:
    with pytest.raises(UnavailableError, match="other programs"):
        lifecycle._judge_costs(IN_TURN, {"thread": [1, 90, 90], "process": [9, 9, 9]})


def test_two_inside_a_mutex_are_seen() -> None:
    inside = Trace(title="", events=(event("a", "inside", 0, 10), event("b", "inside", 9, 20)))
    assert not synchronization._judge_mutex(inside, 6).holds
    assert not synchronization._judge_mutex(Trace(title="", events=(event("a", "inside", 0, 1),)), 5).holds


def test_a_third_one_at_the_gate_is_seen() -> None:
    spans = tuple(event(lane, "inside", 0, 10) for lane in "abc")
    assert not synchronization._judge_semaphore(Trace(title="", events=(*spans, event("d", "inside", 20, 30))), 0).holds


def test_who_goes_on_before_the_signal_is_seen() -> None:
    early = Trace(
        title="",
        events=(event("consumer", "wait", 0, 5), event("consumer", "take", 5, 6)),
        messages=(message("main", "consumer", "notify", 7),),
    )
    assert not synchronization._judge_condition(early, None).holds
    waits = (event("a", "wait", 0, 5), event("b", "wait", 0, 9))
    assert not synchronization._judge_event(Trace(title="", events=waits, facts={"set_ns": 7 * MS}), None).holds


def test_who_leaves_a_barrier_early_is_seen() -> None:
    waits = tuple(event(lane, "wait for the others", start, end) for lane, start, end in [("a", 0, 5), ("b", 7, 8)])
    trace = Trace(title="", events=(*waits, event("c", "wait for the others", 6, 8)))
    assert not synchronization._judge_barrier(trace, None).holds


def test_a_lock_that_nobody_gave_up_is_no_deadlock() -> None:
    waits = tuple(event(lane, "wait for the other lock", 0, 5) for lane in "ab")
    trace = Trace(title="", events=waits)
    assert not synchronization._judge_deadlock(trace, {"first": True, "second": True}).holds
    assert synchronization._judge_deadlock(trace, {"first": False, "second": True}).holds


def test_messages_out_of_turn_are_seen() -> None:
    told = [("main", "child", 1), ("main", "child", 2), ("child", "main", 3), ("child", "main", 4)]
    trace = Trace(title="", events=(), messages=tuple(message(a, b, "ping", at) for a, b, at in told))
    assert not ipc._judge(trace, [1] * ipc.TRIPS).holds


def test_a_parent_that_changed_is_seen() -> None:
    children = {"child1": {"pid": 1, "counter": 1}, "child2": {"pid": 2, "counter": 1}}
    trace = Trace(title="", events=(), facts=children)
    assert processes_chapter._judge_memory(trace, {"pid": 3, "counter": 0}).holds
    assert not processes_chapter._judge_memory(trace, {"pid": 3, "counter": 2}).holds
    assert not processes_chapter._judge_memory(trace, {"pid": 1, "counter": 0}).holds


def test_a_crash_that_took_others_is_seen() -> None:
    done = (message("worker2", "main", "done", 1), message("worker3", "main", "done", 2))
    trace = Trace(title="", events=(), messages=done)
    assert isolation._judge_process(trace, [-11, 0, 0]).holds
    assert not isolation._judge_process(trace, [0, 0, 0]).holds
    assert not isolation._judge_process(Trace(title="", events=(), messages=done[:1]), [-11, -11, 0]).holds
    assert not isolation._judge_thread(trace, -11).holds


def test_workers_that_wait_for_each_other_do_not_scale() -> None:
    def trace(cpu_ms: float) -> Trace:
        lanes = ["of 1/worker-0", "of 2/worker-0", "of 2/worker-1"]
        facts = {f"{lane} cpu_ns": int(cpu_ms * MS) for lane in lanes}
        return Trace(title="", events=tuple(event(lane, "computing", 0, 100) for lane in lanes), facts=facts)

    assert cores._judge(trace(95), [1, 2]).holds
    assert not cores._judge(trace(50), [1, 2]).holds


def _experiment(**changes: object) -> Experiment:
    given = {
        "name": "x",
        "title": "X",
        "text": "x.",
        "program": "print()  #: work  #= result: 'facts'",
        "claim": "x.",
        "judge": lambda trace, facts: Judgement(holds=facts == "facts" and len(trace.events) == 1, observed="seen"),
    }
    return Experiment(**{**given, **changes})  # type: ignore[arg-type]


def test_a_program_is_run_and_judged_by_what_it_wrote() -> None:
    seen = run_experiment(_experiment())
    assert seen.judgement is not None
    assert seen.judgement.holds


def test_what_cannot_run_here_says_why() -> None:
    def refuse(trace: Trace, result: object) -> Judgement:
        raise UnavailableError("no such thing", "get one")

    before = run_experiment(_experiment(available=lambda: Availability(ok=False, reason="not here")))
    during = run_experiment(_experiment(judge=refuse))
    assert (before.judgement, before.availability.reason) == (None, "not here")
    assert (during.judgement, during.availability.cure) == (None, "get one")


def test_one_cpu_is_too_few_for_two_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GILSCOPE_MAX_WORKERS", "1")
    assert not _work.two_cpus().ok


def test_what_can_happen_is_tried_again_and_says_so() -> None:
    runs: list[int] = []

    def judge(trace: Trace, facts: object) -> Judgement:
        runs.append(1)
        return Judgement(holds=len(runs) == 3, observed="seen")

    seen = run_experiment(_experiment(judge=judge, tries=5))
    assert (len(runs), seen.judgement and seen.judgement.holds) == (3, True)
    assert seen.trace is not None
    assert "attempt 3" in seen.trace.notes[0]


def test_what_must_always_hold_is_tried_once() -> None:
    runs: list[int] = []

    def judge(trace: Trace, facts: object) -> Judgement:
        runs.append(1)
        return Judgement(holds=False, observed="seen")

    assert run_experiment(_experiment(judge=judge)).judgement == Judgement(holds=False, observed="seen")
    assert len(runs) == 1


def test_only_claims_about_what_can_happen_are_tried_again() -> None:
    again = {f"{name}-{e.name}" for name in CHAPTERS for e in load_chapter(name).experiments if e.tries > 1}
    taking_turns = {"single-sleeps", "asyncio-blocking", "cpu-single", "cpu-asyncio", "synchronization-mutex"}
    assert not again & {*taking_turns, "synchronization-barrier", "synchronization-deadlock", "isolation-process"}
