"""The picture, the strip, the page and the Perfetto file show the same events, whatever their names are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gilscope.core.trace import CATEGORIES, GIL_LANE, Event, Message, Trace
from gilscope.report.timeline.page import MAX_ROWS, trace_page
from gilscope.report.timeline.perfetto import perfetto
from gilscope.report.timeline.picture import CATEGORY_LABELS, MAX_LANES, svg
from gilscope.report.timeline.text import strip
from gilscope.results import load
from gilscope.studies.traced.rounds import trace_of
from gilscope.tour._shown import Tour
from tests.report.traces import NASTY, TRACE_EVENT_SCHEMA, event, imported, nasty, two_sleeps

EXAMPLES = Path(__file__).parents[3] / "docs" / "examples"
SVG = "{http://www.w3.org/2000/svg}"


def bars(picture: str) -> list[tuple[str, float, float]]:
    """Return tooltip, left edge and width of every bar."""
    found = []
    for rect in ElementTree.fromstring(picture).iter(f"{SVG}rect"):
        told = rect.find(f"{SVG}title")
        if told is not None:
            found.append((told.text or "", float(rect.attrib["x"]), float(rect.attrib["width"])))
    return found


def test_bars_lie_where_their_time_is() -> None:
    found = {told.partition(":")[0]: (x, wide) for told, x, wide in bars(svg(two_sleeps()))}
    (x1, wide1), (x2, wide2) = found["sleep1"], found["sleep2"]
    assert wide1 == pytest.approx(wide2)
    assert (x2 - x1) / wide1 == pytest.approx(1 / 100, rel=0.01)


def test_the_picture_says_in_words_what_it_shows() -> None:
    root = ElementTree.fromstring(svg(two_sleeps(), ident="one"))
    described = {child.attrib.get("id"): child.text for child in root}
    assert described["one-title"] == "two sleeps"
    assert "sleep1: sleep 100 ms" in (described["one-desc"] or "")
    assert root.attrib["aria-labelledby"] == "one-title one-desc"
    assert root.attrib["role"] == "img"


def test_a_plain_list_of_events_is_enough() -> None:
    assert len(bars(svg([event("a", "x", 0, 1), event("b", "y", 1, 2)], title="mine"))) == 2


def test_ten_thousand_short_events_are_drawn_as_few_bars() -> None:
    picture = svg([event("a", "x", n, n + 0.9) for n in range(10_000)])
    told = [text for text, _, _ in bars(picture)]
    assert len(told) < 2000
    assert sum(int(text.split()[1]) if " x " in text else 1 for text in told) == 10_000
    assert len(picture) < 500_000


def test_a_bar_at_the_right_edge_stays_inside() -> None:
    for _, x, wide in bars(svg([event("a", "x", 0, 99.9999), event("a", "y", 99.9999, 100)])):
        assert x + wide <= 960


def test_more_lanes_than_can_be_read_are_left_out_and_said() -> None:
    picture = svg([event(f"worker-{n}", "x", 0, 1) for n in range(300)])
    assert len(bars(picture)) == MAX_LANES
    assert f"and {300 - MAX_LANES} more lanes" in picture


def test_holders_of_the_gil_are_told_apart() -> None:
    picture = svg([event(GIL_LANE, f"worker-{n % 2}", n, n + 1, "gil") for n in range(4)])
    painted = [r.attrib["class"] for r in ElementTree.fromstring(picture).iter(f"{SVG}rect") if len(r)]
    assert painted == ["bar h-0", "bar h-1", "bar h-0", "bar h-1"]


def test_no_name_becomes_markup() -> None:
    for text in (svg(nasty()), trace_page(nasty())):
        assert "<script" not in text
        assert "alert(1)" in text
    ElementTree.fromstring(svg(nasty()))


def test_the_page_loads_nothing() -> None:
    page = trace_page(two_sleeps())
    assert "default-src 'none'" in page
    assert "src=" not in page.replace("default-src", "").replace("style-src", "")
    assert "sequenceDiagram" in page
    assert "<title>two sleeps</title>" in page


def test_the_page_draws_what_happened_in_order_without_the_lane_of_the_gil() -> None:
    events = (event("main", "wait", 0, 90), event("worker", "compute", 10, 80), event(GIL_LANE, "worker", 10, 80))
    told = (Message(source="main", target="worker", name="go", sent_ns=5),)
    page = trace_page(Trace(title="one", events=events, messages=told))
    _, _, below = page.partition("<h2>In order</h2>")
    drawn, _, copy = below.partition("<details>")
    assert "<svg" in drawn
    assert ">go</text>" in drawn
    assert GIL_LANE not in drawn
    assert "<pre" not in drawn
    assert "sequenceDiagram" in copy


def test_the_table_of_a_long_trace_ends_and_says_where_the_rest_is() -> None:
    page = trace_page(Trace(title="", events=tuple(event("a", "x", n, n + 1) for n in range(MAX_ROWS + 5))))
    assert "and 5 more: --format perfetto has all of them" in page


def test_nothing_is_drawn_as_nothing() -> None:
    empty = Trace(title="", events=())
    ElementTree.fromstring(svg(empty))
    assert strip(empty) == "nothing happened"
    assert trace_page(empty)


# The terminal ---------------------------------------------------------------------------------------------------------


def test_each_moment_of_the_strip_is_what_the_lane_did_most_of_it() -> None:
    trace = Trace(title="", events=(event("a", "x", 0, 30), event("a", "y", 30, 100, "wait"), event("b", "z", 50, 100)))
    rows = strip(trace, width=105, unicode=False).splitlines()
    assert rows[0] == "a |" + "#" * 30 + "-" * 70 + "|"
    assert rows[1] == "b |" + " " * 50 + "#" * 50 + "|"
    assert rows[-1].split("  ") == ["", " # compute", "- wait"] or "# compute" in rows[-1]


def test_a_nested_event_is_seen() -> None:
    trace = Trace(title="", events=(event("a", "outer", 0, 100), event("a", "inner", 40, 60, "wait")))
    row = strip(trace, width=105, unicode=False).splitlines()[0]
    assert row.count("-") == 20


def test_every_category_has_a_word_a_colour_and_a_letter() -> None:
    trace = Trace(title="", events=tuple(event("a", c, n, n + 1, c) for n, c in enumerate(CATEGORIES)))
    picture, text = svg(trace), strip(trace)
    for category in CATEGORIES:
        assert f".c-{category}" in picture
        assert CATEGORY_LABELS[category] in text


# Perfetto -------------------------------------------------------------------------------------------------------------


def events_of(trace: Trace) -> list[dict[str, Any]]:
    document = json.loads(perfetto(trace))
    jsonschema.validate(document, TRACE_EVENT_SCHEMA)
    return document["traceEvents"]


def test_the_file_follows_the_trace_event_format() -> None:
    for trace in (two_sleeps(), nasty(), Trace(title="", events=())):
        events_of(trace)


@pytest.mark.parametrize(
    "broken",
    [
        {"ph": "X", "ts": 0, "pid": 1, "tid": 1, "name": "x", "cat": "c"},
        {"ph": "X", "ts": -1, "dur": 1, "pid": 1, "tid": 1, "name": "x", "cat": "c"},
        {"ph": "Q", "ts": 0, "pid": 1, "tid": 1, "name": "x"},
        {"ph": "M", "ts": 0, "pid": 1, "tid": 1, "name": "thread_name", "args": {}},
        {"ph": "f", "ts": 0, "pid": 1, "tid": 1, "name": "x", "cat": "c"},
    ],
)
def test_the_schema_refuses_what_the_format_refuses(broken: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"traceEvents": [broken]}, TRACE_EVENT_SCHEMA)


def test_lanes_are_named_threads_of_their_groups_process() -> None:
    found = events_of(Trace(title="run", events=(event("main", "x", 0, 1), event("processes/worker-1", "y", 0, 1))))
    named = {(e["name"], e["args"]["name"]): (e["pid"], e["tid"]) for e in found if e["name"].endswith("_name")}
    spans = {e["name"]: (e["pid"], e["tid"]) for e in found if e["ph"] == "X"}
    assert named["thread_name", "main"] == spans["x"]
    assert named["thread_name", "worker-1"] == spans["y"]
    assert named["process_name", "processes"][0] == spans["y"][0] != spans["x"][0]
    assert ("process_name", "run") in named


def test_times_are_microseconds_since_the_start() -> None:
    found = events_of(Trace(title="", events=(event("a", "x", 1000, 1002), event("a", "y", 1002, 1002.5))))
    assert [(e["ts"], e["dur"]) for e in found if e["ph"] == "X"] == [(0.0, 2000.0), (2000.0, 500.0)]


def real_traces() -> list[Trace]:
    """Return what the tour's programs did, and a round of every case of the example."""
    tour = Tour.of(json.loads((EXAMPLES / "tour.json").read_text(encoding="utf-8")))
    experiments = [experiment for chapter in tour.chapters for experiment in chapter.experiments]
    result = load(EXAMPLES / "result.jsonl")
    cases = dict.fromkeys(key for block in result.blocks for key in block.rounds)
    return [
        *(experiment.trace.trace(experiment.title) for experiment in experiments if experiment.trace),
        *(trace_of(result, case) for case in cases),
    ]


def test_perfetto_keeps_every_slice_of_real_traces_to_the_nanosecond() -> None:
    traces = real_traces()
    assert len(traces) > 40
    for trace in traces:
        slices, problems = imported(perfetto(trace))
        assert problems == [], trace.title
        origin = trace.start_ns
        expected = [(event.name, event.start_ns - origin, event.end_ns - origin) for event in trace.events]
        assert sorted(slices) == sorted(expected), trace.title


@given(st.lists(st.integers(0, 10**13), min_size=3, max_size=3, unique=True))
def test_slices_that_end_together_stay_nested(times: list[int]) -> None:
    start, inner, end = sorted(times)
    events = tuple(
        Event(lane="a", name=name, start_ns=begun, end_ns=end, category="compute")
        for name, begun in (("outer", start), ("inner", inner))
    )
    slices, problems = imported(perfetto(Trace(title="", events=events)))
    assert (slices, problems) == ([("outer", 0, end - start), ("inner", inner - start, end - start)], [])


@pytest.mark.parametrize(
    ("events", "problem"),
    [
        ([("X", 1, 2, 0, 5), ("X", 1, 2, 3, 5)], "overlaps what its thread does"),
        ([("X", 1, 2, 0, 5), ("X", 3, 2, 0, 5)], "the number 2 is that of two threads"),
        ([("X", 1, 1, 0, 5)], "the number 1 is that of two threads, or of a process too"),
        ([("X", 1, 2, 3, 5), ("s", 1, 2, 0, 0)], "comes before any slice"),
    ],
)
def test_the_stand_in_for_the_importer_sees_what_goes_wrong(
    events: list[tuple[str, int, int, int, int]], problem: str
) -> None:
    shared = {"name": "x", "id": 1}
    timed = [{"ph": ph, "pid": pid, "tid": tid, "ts": ts, "dur": dur, **shared} for ph, pid, tid, ts, dur in events]
    names = [("process_name", event) for event in timed] + [("thread_name", event) for event in timed]
    metadata = [{**event, "ph": "M", "name": name} for name, event in names]
    _, problems = imported(json.dumps({"traceEvents": [*metadata, *timed]}))
    assert any(problem in found for found in problems)
    assert any("has no name" in found for found in imported(json.dumps({"traceEvents": timed}))[1])


def test_a_message_with_both_ends_is_a_flow_and_one_without_is_an_instant() -> None:
    found = [e for e in events_of(two_sleeps()) if e.get("cat") == "message"]
    assert sorted(e["ph"] for e in found) == ["f", "f", "i", "i", "s", "s"]
    flows: dict[int, list[str]] = {}
    for e in found:
        if e["ph"] in "sf":
            flows.setdefault(e["id"], []).append(e["ph"])
    assert all(phases == ["s", "f"] for phases in flows.values())


def test_a_name_with_everything_in_it_comes_back_the_same() -> None:
    assert NASTY in {e["name"] for e in events_of(nasty())}
