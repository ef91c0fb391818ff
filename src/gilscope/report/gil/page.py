"""The page of a report of ``gilscope gil``: the strip over time, blame as an icicle, the lines with their source."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gilscope.analysis.blame import waiting_lines, worth_showing
from gilscope.analysis.program import ProgramReport
from gilscope.report.figures import interval, narrow, percent, seconds
from gilscope.report.gil import icicle
from gilscope.report.gil.sources import Sources
from gilscope.report.page.render import MARK
from gilscope.report.sentences.blame import BLAME, place
from gilscope.report.svg import Markup, tag
from gilscope.report.timeline.page import document
from gilscope.telemetry.blame import short_names
from gilscope.telemetry.reading import GilReading, GilReport
from gilscope.telemetry.stacks import Frame, Stacks

_COLUMNS = 240  # of the strip: narrower ones are no wider than a pixel on a small screen
_STRIP = 36  # pixels
_ROWS = 30  # lines in the table
_PROCESSES = 12  # child processes with a picture of their own

_CSS = (
    icicle.CSS
    + """
.strip{display:block;background:var(--grid)}figure .strip{min-width:0}.strip rect{fill:var(--accent)}
.strip.waiting rect{fill:var(--warn)}.legend{display:flex;justify-content:space-between;gap:1rem}
figure p{margin:.2rem 0}td code{display:block;overflow-wrap:anywhere;white-space:pre-wrap}td{vertical-align:top}
td.where{overflow-wrap:anywhere}dl{display:grid;grid-template-columns:max-content 1fr;gap:.1rem 1rem}dd{margin:0}
"""
)


def gil_page(report: ProgramReport, sources: Sources) -> str:
    """Return the page, which needs no network; ``sources`` has the text of lines."""
    title = f"GIL of {' '.join([report.target, *report.arguments])}"
    children = [
        part
        for child in report.children[:_PROCESSES]
        for part in (
            tag("h2", f"Process {child.pid}: {child.command}"),
            tag("p", child.verdict.sentence or child.gil.reason),
            *_parts(child.gil, sources),
        )
    ]
    fix = [tag("p", tag("b", "Fix: "), f"{report.verdict.cure}.")] if report.verdict.cure else []
    return document(
        title,
        tag("h1", title),
        tag("p", report.verdict.sentence),
        *fix,
        _facts(report),
        *_parts(report.gil, sources),
        *children,
        css=_CSS,
        meta=MARK,
    )


def _facts(report: ProgramReport) -> Markup:
    reading = report.gil.reading
    facts = {
        "Ran" if report.exit_status is not None else "Watched": seconds(report.wall_s),
        "Python": report.interpreter,
    }
    if report.wall_s:
        facts["CPUs busy"] = narrow(report.cpu_s / report.wall_s)
    if reading is not None:
        known = reading.waiting is not None
        facts["GIL held"] = f"{percent(reading.held)} of the time"
        facts["Waiting"] = f"{interval(reading.waiting)} threads" if known else f"n/a: {report.gil.waiting_reason}"
    if report.note:
        facts["Note"] = report.note
    return tag("dl", *(part for name, text in facts.items() for part in (tag("dt", name), tag("dd", text))))


def _parts(gil: GilReport, sources: Sources) -> Iterator[Markup]:
    if gil.reading is not None:
        yield from _strips(gil.reading)
    stacks = gil.stacks
    if stacks is None:
        if gil.stacks_reason:
            yield tag("p", f"Lines: n/a: {gil.stacks_reason}")
        return
    picture = icicle.icicle(stacks)
    yield tag("h2", "Blame")
    yield tag("p", BLAME)
    if picture is None:
        yield tag("p", "No thread was seen to wait while another one held the GIL.")
    else:
        about = "As wide as the blame, callers above what they called. Orange: the program's own code; grey: libraries."
        yield tag("figure", picture, tag("p", about, class_="soft"))
    yield from _tables(stacks, sources)
    if stacks.dropped:
        share = 100 * stacks.dropped / stacks.samples
        yield tag("p", f"{stacks.dropped} of {stacks.samples} stacks ({share:.1f} %) were dropped: they changed "
                  "while they were read.", class_="soft")  # fmt: skip


def _strips(reading: GilReading) -> Iterator[Markup]:
    timeline = reading.timeline
    most = max((level for level in timeline.waiting if level is not None), default=0.0)
    rows = {
        "held": ("GIL held, up to all the time", timeline.held, 1.0),
        "waiting": (f"Threads waiting, up to {narrow(most)}", timeline.waiting, most),
    }
    yield tag("h2", "Over time")
    parts: list[Markup] = []
    for kind, (label, levels, top) in rows.items():
        if any(level is not None for level in levels):
            parts += [tag("p", label, class_="soft"), _strip(levels, top or 1.0, kind, label)]
    ends = tag("p", tag("span", "0 s"), tag("span", seconds(reading.window_s)), class_="legend soft")
    yield tag("figure", *parts, ends)


def _strip(levels: Sequence[float | None], top: float, kind: str, label: str) -> Markup:
    """Draw a level over time; a gap where it is not known."""
    columns = min(_COLUMNS, len(levels))
    width = 100.0 / columns
    bars = []
    for column in range(columns):
        first, last = column * len(levels) // columns, (column + 1) * len(levels) // columns
        known = [level for level in levels[first:last] if level is not None]
        if known:
            height = _STRIP * min(1.0, sum(known) / len(known) / top)
            bars.append(
                tag(
                    "rect",
                    x=Markup(f"{column * width:.3f}%"),
                    width=Markup(f"{width:.3f}%"),
                    y=_STRIP - height,
                    height=height,
                )
            )
    return tag(
        "svg",
        tag("title", label),
        *bars,
        class_=f"strip {kind}",
        width=Markup("100%"),
        height=_STRIP,
        role="img",
        xmlns="http://www.w3.org/2000/svg",
    )


def _tables(stacks: Stacks, sources: Sources) -> Iterator[Markup]:
    names = short_names(frame.file for frame in stacks.frames)

    def where(frame: Frame, callee: str = "") -> Markup:
        calling = f", calling {callee}" if callee else ""
        text = sources.line(frame.file, frame.line)
        code = [tag("code", text)] if text else []
        return tag("td", f"{place(frame, names)} in {frame.function}{calling}", *code, class_="where", title=frame.file)

    lines, waiting = worth_showing(stacks)[:_ROWS], waiting_lines(stacks)
    if lines:
        rows = [(f"{line.blame:.2f}", f"{100 * line.held:.0f}%", where(line.frame, line.callee)) for line in lines]
        yield _table(("blame", "held", "line"), rows)
    if stacks.waits_reason:
        yield tag("p", f"Where threads wait: n/a: {stacks.waits_reason}")
    elif waiting:
        yield tag("h2", "Waiting")
        yield tag("p", "Mean number of threads that wait in a line, for the GIL and for locks.")
        found = [
            (f"{call.waits_gil:.2f}", f"{call.waits_lock:.2f}", where(call.frame, call.callee)) for call in waiting
        ]
        yield _table(("GIL", "locks", "line"), found)


def _table(heads: tuple[str, str, str], rows: Sequence[tuple[str, str, Markup]]) -> Markup:
    head = tag(
        "tr", *(tag("th", text, scope="col", class_="n") for text in heads[:2]), tag("th", heads[2], scope="col")
    )
    body = (tag("tr", tag("td", one, class_="n"), tag("td", two, class_="n"), last) for one, two, last in rows)
    return tag("div", tag("table", tag("thead", head), tag("tbody", *body)), class_="card")
