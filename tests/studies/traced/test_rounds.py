"""A round of a result becomes a trace that says what its stamps say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gilscope import results
from gilscope.core.errors import ResultFileError, UsageError
from gilscope.core.records import ResultSet, Round, Stamp
from gilscope.core.trace import GIL_LANE
from gilscope.results.codec import encode_watched
from gilscope.studies.traced.rounds import choose_case, round_trace, trace_of

EXAMPLE = Path(__file__).parents[3] / "docs" / "examples" / "result.jsonl"


def stamp(submit: int, start: int, end: int, received: int, waiting: int = 0, waking: int = 0) -> Stamp:
    return Stamp(
        submit_ns=submit, start_ns=start, end_ns=end, received_ns=received, waiting_ns=waiting, waking_ns=waking
    )


MEASURED = Round(
    repeats=3,
    start_ns=100,
    end_ns=1020,
    combine_ns=20,
    stamps=(stamp(10, 100, 900, 930, waiting=50, waking=10), stamp(20, 110, 1000, 1050)),
)


@pytest.fixture(scope="module")
def result() -> ResultSet:
    return results.load(EXAMPLE)


def spans(lane: str) -> list[tuple[str, int, int]]:
    trace = round_trace(MEASURED, title="", case="k/py_loop@threads*2#S")
    return [(event.category, event.start_ns, event.end_ns) for event in trace.spans(lane)]


def test_a_worker_receives_computes_waits_and_sends() -> None:
    assert spans("worker-0") == [
        ("hand_over", 10, 100),
        ("compute", 100, 840),
        ("wait", 840, 890),
        ("hand_over", 890, 900),
        ("send", 900, 930),
    ]
    assert [category for category, _, _ in spans("worker-1")] == ["hand_over", "compute", "send"]


def test_a_worker_that_came_early_waited_for_the_others() -> None:
    early = replace(MEASURED, stamps=(replace(MEASURED.stamps[0], gathering_ns=60), MEASURED.stamps[1]))
    trace = round_trace(early, title="", case="k/py_loop@threads*2#S")
    first, second, *_ = trace.spans("worker-0")
    assert (first.category, first.end_ns, second.category, second.end_ns) == ("hand_over", 40, "barrier", 100)


def test_the_round_that_kept_who_held_the_gil_comes_first(result: ResultSet) -> None:
    case = choose_case(result, None)
    kept = encode_watched(MEASURED, [("worker-0", 100, 500), ("MainThread", 500, 510)])
    watched = replace(result, diagnostics=({"case": "another"}, {"case": case, "trace": kept}))
    trace = trace_of(watched, case)
    held = [(event.name, event.start_ns, event.end_ns) for event in trace.spans(GIL_LANE)]
    assert held == [
        ("worker-0", 100, 500),
        ("main", 500, 510),
    ]
    assert "diagnostic round" in trace.title
    assert not trace_of(watched, case, 0).spans(GIL_LANE)


@pytest.mark.parametrize("change", [{"holds": [["x", 1]]}, {"round": {}}, {"started_ns": "now"}])
def test_a_damaged_diagnostic_round_is_one_line(result: ResultSet, change: dict[str, object]) -> None:
    case = choose_case(result, None)
    kept = encode_watched(MEASURED, [("worker-0", 100, 500)]) | change
    with pytest.raises(ResultFileError, match="use --block 0"):
        trace_of(replace(result, diagnostics=({"case": case, "trace": kept},)), case)


def test_the_parent_hands_out_waits_collects_and_combines() -> None:
    assert spans("main") == [
        ("send", 10, 20),
        ("wait", 20, 930),
        ("hand_over", 930, 1050),
        ("compute", 1050, 1070),
    ]


def test_work_and_answers_are_messages_with_both_ends() -> None:
    trace = round_trace(MEASURED, title="", case="k/py_loop@threads*2#S")
    first = trace.messages[0]
    assert (first.source, first.target, first.sent_ns, first.received_ns) == ("main", "worker-0", 10, 100)
    assert len(trace.messages) == 4


def test_serial_rounds_have_one_lane() -> None:
    alone = replace(MEASURED, stamps=MEASURED.stamps[:1])
    assert round_trace(alone, title="", case="k/py_loop@serial#S").lanes == ("main",)


def test_quantiles_are_not_called_workers() -> None:
    trace = round_trace(MEASURED, title="", case="k/py_loop@threads*64#S")
    assert trace.lanes == ("main", "quantile-0", "quantile-1")
    assert "64 workers" in trace.notes[0]


def test_sums_over_barriers_are_owned_up_to(result: ResultSet) -> None:
    trace = trace_of(result, choose_case(result, None))
    assert any("inner barriers" in note for note in trace.notes)
    assert any("once, before all rounds" in note for note in trace.notes)


def test_every_round_of_a_real_result_can_be_drawn(result: ResultSet) -> None:
    for block in result.blocks:
        for case, measured in block.rounds.items():
            trace = trace_of(result, case, block.index) if block.index == 0 else round_trace(measured, title=case)
            assert trace.end_ns > trace.start_ns
            for lane in trace.lanes:
                ends = [event.end_ns for event in trace.spans(lane)]
                starts = [event.start_ns for event in trace.spans(lane)]
                assert all(end <= start for end, start in zip(ends, starts[1:], strict=False)), f"{case} {lane}"


def test_without_a_case_threads_come_first(result: ResultSet) -> None:
    assert "@threads*2" in choose_case(result, None)


@pytest.mark.parametrize("case", ["mandelbrot/py_lop@threads*2#S", "nonsense"])
def test_an_unknown_case_is_answered_with_where_they_are_listed(result: ResultSet, case: str) -> None:
    with pytest.raises(UsageError, match="gilscope show"):
        choose_case(result, case)


def test_an_unknown_block_is_answered_with_those_there_are(result: ResultSet) -> None:
    with pytest.raises(UsageError, match="there are blocks 0 to"):
        trace_of(result, choose_case(result, None), 99_999)


def test_a_result_without_rounds_says_so(result: ResultSet) -> None:
    with pytest.raises(UsageError, match="holds no rounds"):
        choose_case(replace(result, blocks=()), None)


@pytest.mark.parametrize("case", ["k/py_loop@serial#S", "k/cy_prange@native*2#S"])
def test_a_round_with_more_stamps_than_its_case_has_workers_is_damaged(case: str) -> None:
    with pytest.raises(ResultFileError, match="stamps of 2 workers"):
        round_trace(MEASURED, title=case, case=case)
    assert round_trace(replace(MEASURED, stamps=()), title=case, case=case).events == ()
