"""The page of many runs: what changed, and each case over time."""

from __future__ import annotations

from collections.abc import Iterator

from gilscope.analysis.history import CaseHistory, History
from gilscope.report.figures import counted
from gilscope.report.history.chart import CSS, MOST_RUNS, draw
from gilscope.report.history.text import newest, shown_cases
from gilscope.report.page.render import MARK
from gilscope.report.sentences.history import date, events, headline, left_out, named
from gilscope.report.svg import Markup, tag
from gilscope.report.timeline.page import document

_MOST_CASES = 40  # with charts; those that changed come first
_MOST_ROWS = 2000
_CSS = f"""{CSS}
td.where{{overflow-wrap:anywhere}}td.k{{white-space:nowrap}}.bad{{color:var(--warn);font-weight:600}}
figure h3{{margin:.2rem 0}}
"""


def history_page(found: History) -> str:
    """Return the page, which needs no network."""
    cases = shown_cases(found)
    drawn = [case for case in cases if any(one.efficiency or one.held for _, one in case.points)][:_MOST_CASES]
    cut = [f"The newest {MOST_RUNS} runs."] if len(found.runs) > MOST_RUNS else []
    cut += [f"The first {len(drawn)} of {counted(len(cases), 'case')}."] if len(drawn) < len(cases) else []
    return document(
        "gilscope: history",
        tag("h1", "Runs over time"),
        tag("p", headline(found), class_="bad" if found.regressions else None),
        tag("p", _span(found), class_="soft"),
        *_events(found),
        tag("h2", "Newest figures"),
        _table(cases, found),
        tag("h2", "Over time"),
        tag(
            "p",
            "Points: a run, with its interval. Lines: the levels before and after a change; triangles: its direction. ",
            "Dashed: another machine, kernel, Python or gilscope; runs are not compared across it. ",
            *cut,
            class_="soft",
        ),
        *(part for case in drawn for part in _charts(found, case)),
        *(tag("p", f"Left out: {sentence}", class_="soft") for sentence in left_out(found)),
        css=_CSS,
        meta=MARK,
    )


def _span(found: History) -> str:
    if not found.runs:
        return "No runs."
    first, last = found.runs[0], found.runs[-1]
    return f"{date(first)} {named(first)} to {date(last)} {named(last)}"


def _events(found: History) -> Iterator[Markup]:
    rows = [
        tag(
            "tr",
            tag("td", date(found.runs[run]), class_="k"),
            tag("td", label, class_="k bad" if label == "worse" else "k"),
            tag("td", sentence, class_="where"),
        )
        for run, label, sentence in events(found)
    ]
    if rows:
        yield tag("h2", "What changed")
        yield tag("div", tag("table", tag("tbody", *rows)), class_="card")


def _table(cases: list[CaseHistory], found: History) -> Markup:
    heads = ("efficiency", "net speed-up", "GIL held", "changes", "runs")
    titles = (tag("th", text, scope="col", class_="n") for text in heads)
    worse = {one.case for one in found.regressions}
    rows = [
        tag(
            "tr",
            tag("td", case.case, class_="where bad" if case.case in worse else "where"),
            *(tag("td", text, class_="n") for text in newest(case)),
        )
        for case in cases[:_MOST_ROWS]
    ]
    head = tag("thead", tag("tr", tag("th", "case", scope="col"), *titles))
    return tag("div", tag("table", head, tag("tbody", *rows)), class_="card")


def _charts(found: History, case: CaseHistory) -> Iterator[Markup]:
    pictures = [picture for quantity in ("efficiency", "gil") if (picture := draw(found, case, quantity)) is not None]
    if pictures:
        yield tag("figure", tag("h3", case.case), *pictures)
