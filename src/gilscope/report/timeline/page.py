"""A trace as a page of its own: the picture, what happened in order, the figures behind it."""

from __future__ import annotations

from collections.abc import Iterator

from gilscope.core.trace import Trace, by_group, duration
from gilscope.report.palette import surfaces
from gilscope.report.svg import Markup, tag
from gilscope.report.timeline.mermaid import sequence_diagram
from gilscope.report.timeline.picture import CATEGORY_LABELS, svg
from gilscope.report.timeline.sequence import in_sequence, sequence_svg, without_gil
from gilscope.report.timeline.text import draw

MAX_ROWS = 2000  # Perfetto is better at longer tables

_CSS = f"""
:root{{color-scheme:light dark;{surfaces("light")}}}
@media (prefers-color-scheme:dark){{:root{{{surfaces("dark")}}}}}
body{{margin:0 auto;max-width:64rem;padding:1rem;font:15px/1.5 system-ui,sans-serif}}
body{{color:var(--ink);background:var(--page)}}
figure,pre,.card{{background:var(--card);border:1px solid var(--line);border-radius:6px;padding:.8rem;margin:1rem 0;
overflow-x:auto}}
figure svg{{min-width:40rem}}
pre{{font:13px/1.35 ui-monospace,monospace}}h1,h2,h3{{line-height:1.25}}
table{{border-collapse:collapse;font-variant-numeric:tabular-nums}}td,th{{padding:.1rem .7rem .1rem 0;text-align:left}}
td.n,th.n{{text-align:right}}a{{color:inherit}}summary{{cursor:pointer}}
.seen{{border-left:4px solid var(--good)}}.unseen{{border-left:4px solid var(--warn)}}.soft{{color:var(--soft)}}
"""

_META = (
    '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
)


def document(title: str, *parts: Markup, css: str = "", meta: Markup = Markup("")) -> str:  # noqa: B008 (immutable)
    """Return a whole page that loads nothing from anywhere; ``css`` comes after its own styles."""
    head = tag("head", Markup(_META), meta, tag("title", title), tag("style", Markup(_CSS + css)))
    page = tag("html", head, tag("body", tag("main", *parts)), lang="en")
    return f"<!doctype html>\n{page}\n"


def in_order(trace: Trace) -> Iterator[Markup]:
    """Yield the sequence diagrams of a trace, one per group, as text where there is too much for a picture."""
    groups = by_group(trace)
    for number, part in enumerate(groups):
        if len(groups) > 1:
            yield tag("h3", part.title)
        told = without_gil(part)
        drawn = Markup(sequence_svg(told, ident=f"sequence-{number}")) if in_sequence(told) else None
        yield tag("figure", drawn) if drawn else tag("pre", draw(part, width=110))
    yield tag("details", tag("summary", "The same for Mermaid"), tag("pre", sequence_diagram(trace)))


def trace_page(trace: Trace) -> str:
    """Return the page of a trace: timeline, sequence diagram, table of events."""
    events, groups, origin = trace.spans(), by_group(trace), trace.start_ns
    rows = [
        tag(
            "tr",
            *(tag("td", text) for text in (event.lane, event.name, CATEGORY_LABELS[event.category])),
            *(tag("td", duration(ns), class_="n") for ns in (event.start_ns - origin, event.end_ns - event.start_ns)),
        )
        for event in events[:MAX_ROWS]
    ]
    heads = {"lane": None, "what": None, "kind": None, "from": "n", "for": "n"}
    head = tag("tr", *(tag("th", text, scope="col", class_=kind) for text, kind in heads.items()))
    left_out = len(events) - len(rows)
    return document(
        trace.title or "Timeline",
        tag("h1", trace.title or "Timeline"),
        tag("figure", Markup(svg(trace))),
        *(tag("figure", Markup(svg(part, ident=f"part-{n}"))) for n, part in enumerate(groups) if len(groups) > 1),
        tag("h2", "In order"),
        *in_order(trace),
        tag("h2", "Everything"),
        tag("div", tag("table", tag("thead", head), tag("tbody", *rows)), class_="card"),
        tag("p", f"and {left_out} more: --format perfetto has all of them" if left_out > 0 else "", class_="soft"),
    )
