"""What charts are drawn from, and what they are: panels of one width that a page lays out as it has room."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from gilscope.cases import DEFAULT_CHUNKS_PER_WORKER
from gilscope.records import ResultSet
from gilscope.report import facts
from gilscope.report.facts import Document, Row
from gilscope.report.svg import Markup, tag
from gilscope.studies.kinds import StudyDocument

__all__ = ["PANEL_WIDTH", "Chart", "Drawer", "Panel", "View", "beside", "panel_of", "variant"]

PANEL_WIDTH = 372
"""Pixels; one fits a telephone, three a laptop, and text keeps its size in all of them."""

_CHARACTER = 6.0  # mean width of a letter at 11 px


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One SVG of ``PANEL_WIDTH`` by ``height`` pixels; ``alt`` says what it shows."""

    svg: Markup
    height: float
    alt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A chart of one kernel or of the whole result.

    Parameters
    ----------
    note : str
        What was left out and by which rule, and how to read it.
    keys : sequence of (class, words)
        What colours (``loss-...``) and lines (``ideal``, ``spin``) mean, where panels do not say it themselves.
    """

    title: str
    panels: Sequence[Panel]
    note: str = ""
    keys: Sequence[tuple[str, str]] = ()


Drawer: TypeAlias = "Callable[[View, str], Chart | None]"
"""Draws one kernel; None where there is nothing to draw."""


@dataclass(slots=True)
class View:
    """An analysis document, indexed once: charts of ten thousand cases must not search it again and again.

    Parameters
    ----------
    measured : ResultSet or None
        The rounds themselves, for timelines.
    studies : mapping
        Documents of metg, ipc and startup, by name.
    ident : str
        Prefix of the ids in its pictures: several results may share a page.
    """

    document: Document
    measured: ResultSet | None = None
    studies: Mapping[str, StudyDocument] = field(default_factory=dict)
    ident: str = "r0"
    rows: Mapping[str, Sequence[Row]] = field(init=False)
    index: Mapping[str, int] = field(init=False)
    interpreters: Sequence[str] = field(init=False)

    def __post_init__(self) -> None:
        kernels: dict[str, list[Row]] = {}
        for row in self.document["cases"]:
            kernels.setdefault(row["kernel"], []).append(row)
        self.rows = {kernel: facts.of_kernel({"cases": rows}, kernel) for kernel, rows in kernels.items()}
        self.index = {row["case"]: number for number, row in enumerate(self.document["cases"])}
        self.interpreters = list(dict.fromkeys(row["interpreter"] for row in self.document["cases"]))

    @property
    def kernels(self) -> list[str]:
        """The kernels that have cases, in their order."""
        return list(self.rows)

    @property
    def usable_cpus(self) -> int | None:
        """How many CPUs the measurement could use."""
        return facts.usable_cpus(self.document)

    def parallel(self, kernel: str) -> list[Row]:
        """Return the measured rows of a kernel that have a speed-up."""
        return [row for row in facts.measured(self.rows[kernel]) if row["speedup"]]

    def at_most_workers(self, rows: Iterable[Row]) -> list[Row]:
        """Return of each way to run an implementation the row with most workers that have a CPU each.

        Where every row has more workers than CPUs, the one with the fewest.
        """
        ways: dict[tuple[str, ...], list[Row]] = {}
        for row in rows:
            ways.setdefault((row["implementation"], variant(self, row)), []).append(row)
        return [max(way, key=_fitting) for way in ways.values()]


def _fitting(row: Row) -> tuple[bool, int]:
    return not row["over_subscribed"], -row["workers"] if row["over_subscribed"] else row["workers"]


def variant(view: View, row: Row, *, interpreter: bool = True) -> str:
    """Name what tells a row from others of its implementation and worker count: ``threads 3.13t ~c8``.

    The size is left out: an implementation is measured at one size unless somebody joins results. The interpreter is
    there where there are several, unless ``interpreter`` is false.
    """
    parts = [facts.executor_label(row)]
    if interpreter and len(view.interpreters) > 1:
        parts.append(row["interpreter"])
    if row["chunks_per_worker"] != DEFAULT_CHUNKS_PER_WORKER and row["executor"] != "serial":
        parts.append(f"~c{row['chunks_per_worker']}")
    return " ".join(parts)


def beside(label: str, told: str, short: str) -> str:
    """Return what may stand at the right of a label in one line of a panel: ``told``, else ``short``, else nothing."""
    room = (PANEL_WIDTH - 32) / _CHARACTER - len(label)
    return next((text for text in (told, short) if len(text) <= room), "")


def panel_of(*children: str, height: float, alt: str) -> Panel:
    """Wrap the shapes of a panel."""
    svg = tag(
        "svg",
        *children,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {PANEL_WIDTH} {height:g}",
        width=PANEL_WIDTH,
        height=height,
        class_="chart",
        role="img",
        aria_label=alt,
    )
    return Panel(svg=svg, height=height, alt=alt)
