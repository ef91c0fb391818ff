"""The tour's document, text and page show what its experiments showed."""

from __future__ import annotations

import json

import pytest

from gilscope.core.spec import Availability
from gilscope.core.trace import Trace
from gilscope.report.timeline.mermaid import sequence_diagram
from gilscope.report.tour import render_chapter, tour_page
from gilscope.tour._model import Chapter, Experiment, ExperimentRun, Figure, Judgement
from gilscope.tour._shown import ShownChapter, Tour
from tests.report.traces import NASTY, event, nasty, two_sleeps


def chapter(trace: Trace | None, judgement: Judgement | None, text: str = "Some text.") -> ShownChapter:
    experiment = Experiment(
        name="sleeps",
        title="Two sleeps",
        text=text,
        program="pass  #: nothing",
        claim="They overlap.",
        judge=lambda *_: judgement,
    )
    made = Chapter(name="threads", title="Threads", text=text, experiments=(experiment,), remember="Much.")
    why = Availability(
        ok=judgement is not None, reason="" if judgement else "one CPU only", cure="" if judgement else "two"
    )
    return ShownChapter.of(
        made,
        [ExperimentRun(experiment=experiment, trace=trace, judgement=judgement, availability=why)],
        sequence_diagram,
    )


def tour(*chapters: ShownChapter) -> Tour:
    return Tour(tool_version="1.2", environment={"usable_cpus": 2}, chapters=chapters)


FIGURES = tuple(Figure(name=f"figure {n}", value=n / 8, unit="s") for n in range(4))
HELD = Judgement(holds=True, observed="They did.", figures=FIGURES)


def test_the_trace_survives_the_document() -> None:
    taken = tour(chapter(two_sleeps(), HELD))
    read = Tour.of(json.loads(json.dumps(taken.to_json())))
    assert read == taken
    stored, original = read.chapters[0].experiments[0].trace, two_sleeps()
    assert stored is not None
    trace = stored.trace("two sleeps")
    assert trace.lanes == original.lanes
    assert trace.start_ns == 0
    assert [e.end_ns - e.start_ns for e in trace.events] == [e.end_ns - e.start_ns for e in original.spans()]
    assert [m.name for m in trace.messages] == [m.name for m in original.messages]


def test_of_very_many_events_the_longest_are_kept() -> None:
    many = Trace(title="", events=(*(event("a", "short", n, n + 0.1) for n in range(3000)), event("b", "long", 0, 9)))
    kept = chapter(many, HELD).experiments[0].trace
    assert kept is not None
    assert len(kept.events) == 2000
    assert "long" in {event.name for event in kept.events}


def test_the_terminal_shows_program_diagram_claim_and_what_was_seen() -> None:
    text = render_chapter(chapter(two_sleeps(), HELD), width=100)
    for part in (
        "    pass\n",
        "sleep 1st time",
        "Claim:    They overlap.",
        "Measured: They did.",
        "✓",
        "Remember: Much.",
    ):
        assert part in text
    assert "figure 3" in text
    assert "375 ms" in text
    assert max(map(len, text.splitlines())) <= 100


def test_the_terminal_without_unicode_gets_ascii() -> None:
    assert render_chapter(chapter(two_sleeps(), HELD), unicode=False).isascii()


def test_what_could_not_run_is_not_available_with_the_reason() -> None:
    document = chapter(None, None)
    assert "n/a, one CPU only (two)" in render_chapter(document)
    assert "one CPU only (two)" in tour_page(tour(document))
    assert document.holds


@pytest.mark.parametrize("holds", [True, False])
def test_a_claim_that_failed_is_said_and_counts(holds: bool) -> None:
    document = chapter(two_sleeps(), Judgement(holds=holds, observed="seen"))
    assert document.holds == holds
    assert ("the claim holds" in render_chapter(document)) == holds
    assert ("did not hold this time" in tour_page(tour(document))) != holds


def test_the_page_lets_no_name_become_markup() -> None:
    page = tour_page(tour(chapter(nasty(), HELD, text=NASTY)))
    assert "<script" not in page
    assert "default-src 'none'" in page


def test_the_document_has_what_its_readers_need() -> None:
    document = json.loads(json.dumps(tour(chapter(two_sleeps(), HELD)).to_json()))
    assert (document["schema"], document["schema_version"]) == ("gilscope.tour", 1)
    (experiment,) = document["chapters"][0]["experiments"]
    assert experiment["mermaid"].startswith("sequenceDiagram")
    assert experiment["figures"][1] == {"name": "figure 1", "value": 0.125, "unit": "s"}
