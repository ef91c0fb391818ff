"""Sequence diagrams hold what happened, in the order it happened."""

from __future__ import annotations

import pytest

from gilscope.core.trace import Trace
from gilscope.report.timeline.mermaid import sequence_diagram
from gilscope.report.timeline.text import draw
from gilscope.studies.traced.steps import MAX_SPEAKERS, MAX_STEPS, steps
from tests.report.traces import event, message, nasty, two_sleeps


def test_a_message_opens_the_lane_it_makes_work_and_the_answer_closes_it() -> None:
    assert sequence_diagram(two_sleeps()).splitlines() == [
        "sequenceDiagram",
        "    autonumber",
        "    participant main",
        "    participant sleep1",
        "    participant sleep2",
        "    main->>+sleep1: sleep 1st time",
        "    Note over sleep1: asleep: 100 ms",
        "    main->>+sleep2: sleep 2nd time",
        "    Note over sleep2: asleep: 100 ms",
        "    activate main",
        "    Note over main: join",
        "    sleep1->>-main: done sleeping 1st time",
        "    sleep2->>-main: done sleeping 2nd time",
        "    Note over main: join: 100 ms",
        "    deactivate main",
    ]


def test_steps_are_in_order_of_time() -> None:
    moments = [step.at_ns for step in steps(two_sleeps())]
    assert moments == sorted(moments)


def test_who_speaks_first_is_never_opened() -> None:
    assert not any(step.opens for step in steps(two_sleeps()) if step.target == "main")


def test_an_answer_without_work_closes_nothing() -> None:
    trace = Trace(title="", events=(), messages=(message("a", "b", "ping", 1), message("b", "a", "pong", 2)))
    assert [(step.opens, step.closes) for step in steps(trace)] == [(False, False)] * 2


def test_a_span_with_nothing_inside_is_a_note_and_others_keep_both_edges() -> None:
    trace = Trace(title="", events=(event("a", "outer", 0, 9), event("a", "inner", 1, 2)))
    assert [(step.kind, step.text) for step in steps(trace)] == [
        ("begin", "outer"),
        ("note", "inner: 1 ms"),
        ("end", "outer: 9 ms"),
    ]


@pytest.mark.parametrize("make", [two_sleeps, nasty])
def test_activations_are_balanced(make) -> None:
    depth: dict[str, int] = {}
    for line in sequence_diagram(make()).splitlines():
        words = line.split()
        if "->>+" in line:
            lane = line.partition("->>+")[2].partition(":")[0]
            depth[lane] = depth.get(lane, 0) + 1
        elif "->>-" in line:
            lane = line.partition("->>-")[0].strip()
            depth[lane] -= 1
        elif words[0] in ("activate", "deactivate"):
            depth[words[1]] = depth.get(words[1], 0) + (1 if words[0] == "activate" else -1)
        assert min(depth.values(), default=0) >= 0
    assert not any(depth.values())


def test_names_cannot_end_a_line_or_bring_markup() -> None:
    text = sequence_diagram(nasty())
    assert "<" not in text
    assert "script>" not in text
    assert all(line.startswith("    ") for line in text.splitlines()[1:])
    assert "participant p1 as end" in text or "participant p0 as end" in text


def test_a_long_story_is_cut_and_says_so() -> None:
    trace = Trace(title="", events=tuple(event("a", str(n), n, n + 0.5) for n in range(500)))
    assert len(steps(trace)) == MAX_STEPS
    assert sequence_diagram(trace).splitlines()[-1].endswith("and so on")
    assert draw(trace).splitlines()[-1].endswith("... and so on")


def test_the_terminal_gets_a_column_per_lane_and_the_time_at_the_left() -> None:
    lines = draw(two_sleeps(), width=100).splitlines()
    assert lines[0].split() == ["main", "sleep1", "sleep2"]
    assert lines[1].split()[:2] == ["0", "ns"]
    assert "sleep 1st time ─" in lines[1]
    assert lines[1].rstrip("│ ").endswith("▶┃")
    assert max(map(len, lines)) <= 100


def test_the_terminal_without_unicode_gets_ascii() -> None:
    assert draw(two_sleeps(), unicode=False).isascii()


def test_nothing_is_nothing() -> None:
    assert draw(Trace(title="", events=())) == "nothing happened"
    assert sequence_diagram(Trace(title="", events=())).splitlines() == ["sequenceDiagram", "    autonumber"]


def test_a_wide_diagram_has_the_first_lanes_and_says_how_many_are_missing() -> None:
    trace = Trace(title="", events=tuple(event(f"worker-{n}", "x", n, n + 1) for n in range(300)))
    lines = draw(trace, width=120).splitlines()
    assert lines[-1].endswith(f"and {300 - MAX_SPEAKERS} more lanes")
    assert max(map(len, lines)) <= 120
    assert sequence_diagram(trace).count("participant") == MAX_SPEAKERS


def test_groups_are_drawn_one_after_the_other() -> None:
    trace = Trace(title="", events=(event("b/main", "x", 0, 1), event("a/main", "y", 5, 6)), order=("b/main",))
    assert [line.split()[0] for line in draw(trace).splitlines() if line and not line.startswith(" ")] == ["b", "a"]
