"""The tour as one HTML page that loads nothing from anywhere."""

from __future__ import annotations

from gilscope.report.svg import Markup, tag
from gilscope.report.timeline import svg
from gilscope.report.timeline.page import document, in_order
from gilscope.report.tour import figure_text
from gilscope.tour._shown import ShownChapter, ShownExperiment, Tour

__all__ = ["tour_page"]


def tour_page(tour: Tour) -> str:
    """Return the page of a tour."""
    links = [tag("li", tag("a", chapter.title, href=f"#{chapter.name}")) for chapter in tour.chapters]
    made = f"Measured by gilscope {tour.tool_version} with Python {tour.interpreter}."
    return document(
        "A tour of concurrency",
        tag("h1", "A tour of concurrency"),
        tag("p", f"{made} Every diagram is drawn from what happened.", class_="soft"),
        tag("nav", tag("ol", *links)),
        *(part for chapter in tour.chapters for part in _chapter(chapter)),
    )


def _chapter(chapter: ShownChapter) -> list[Markup]:
    parts = [tag("h2", chapter.title, id=chapter.name), tag("p", chapter.text)]
    for number, experiment in enumerate(chapter.experiments):
        parts += _experiment(experiment, f"{chapter.name}-{number}")
    parts.append(tag("p", tag("strong", "Remember: "), chapter.remember, class_="card"))
    return parts


def _experiment(experiment: ShownExperiment, ident: str) -> list[Markup]:
    parts = [
        tag("h3", experiment.title),
        tag("p", experiment.text),
        tag("pre", tag("code", experiment.source)),
    ]
    if experiment.trace is not None:
        trace = experiment.trace.trace(experiment.title)
        parts.append(tag("figure", Markup(svg(trace, ident=ident))))
        parts += in_order(trace, experiment.mermaid)
    parts.append(_verdict(experiment))
    return parts


def _verdict(experiment: ShownExperiment) -> Markup:
    claim = tag("p", tag("strong", "Claim: "), experiment.claim)
    if experiment.holds is None:
        cure = f" ({experiment.cure})" if experiment.cure else ""
        return tag("div", claim, tag("p", tag("strong", "n/a: "), experiment.reason + cure), class_="card")
    rows = [
        tag("tr", tag("th", figure.name, scope="row"), tag("td", figure_text(figure), class_="n"))
        for figure in experiment.figures
    ]
    held = "The claim holds." if experiment.holds else "The claim did not hold this time."
    return tag(
        "div",
        claim,
        tag("p", tag("strong", "Measured: "), experiment.seen),
        tag("p", held),
        tag("details", tag("summary", "Figures"), tag("table", tag("tbody", *rows))),
        class_=f"card {'seen' if experiment.holds else 'unseen'}",
    )
