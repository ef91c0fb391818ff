"""What charts are drawn from, and what they are: panels of one width that a page lays out as it has room."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple, TypeVar

from gilscope.analysis import Answer, analyse
from gilscope.analysis.matrix import Matrix, matrix_of
from gilscope.analysis.rows import CaseRow, is_measured
from gilscope.analysis.verdict import FunctionVerdict, KernelVerdict
from gilscope.core.cases import DEFAULT_CHUNKS_PER_WORKER, Case
from gilscope.core.records import ResultSet
from gilscope.report.svg import Markup, tag
from gilscope.results import load
from gilscope.studies.kinds import StudyDocument, studies_in

PANEL_WIDTH = 372  # pixels; one fits a telephone, three a laptop, and text keeps its size in all of them
_CHARACTER = 6.0  # mean width of a letter at 11 px
_ROW = 40.0  # height of a case in panels of bars

T = TypeVar("T")
K = TypeVar("K")


class Panel(NamedTuple):
    """One SVG of ``PANEL_WIDTH`` by ``height`` pixels; ``alt`` says what it shows."""

    svg: Markup
    height: float
    alt: str


class Chart(NamedTuple):
    """A chart of one kernel or of the whole result.

    ``note`` says how to read it and what was left out by which rule; ``keys`` are (class, text) of the colours
    (``loss-...``) and lines (``ideal``, ``spin``) that panels do not explain themselves.
    """

    title: str
    panels: Sequence[Panel]
    note: str = ""
    keys: Sequence[tuple[str, str]] = ()


@dataclass(slots=True)
class View:
    """An answer, indexed once: charts of ten thousand cases must not search it again and again.

    ``measured`` has the rounds for timelines, ``studies`` the documents of metg, ipc and startup by name, ``cautions``
    what could not be read, and ``ident`` begins the ids in its pictures, because several results may share a page.
    """

    answer: Answer
    measured: ResultSet | None = None
    studies: Mapping[str, StudyDocument] = field(default_factory=dict)
    cautions: tuple[str, ...] = ()
    ident: str = "r0"
    rows: Mapping[str, Sequence[CaseRow]] = field(init=False)
    index: Mapping[str, int] = field(init=False)
    interpreters: Sequence[str] = field(init=False)
    matrix: Matrix = field(init=False)
    fastest: frozenset[Case] = field(init=False)  # of each kernel or function those that tie

    def __post_init__(self) -> None:
        self.rows = self.answer.by_kernel
        self.index = {row.case.id: number for number, row in enumerate(self.answer.rows)}
        self.interpreters = list(dict.fromkeys(row.interpreter for row in self.answer.rows))
        self.matrix = matrix_of(self.answer)
        groups = (found.functions or (found,) for found in self.answer.verdicts)
        self.fastest = frozenset(row.case for group in groups for found in group for row in winners(found))

    @property
    def kernels(self) -> list[str]:
        """The kernels that have cases, in their order."""
        return list(self.rows)

    def number(self, row: CaseRow) -> int:
        """Return the place of a row in the answer: what marks it in a picture."""
        return self.index[row.case.id]

    def parallel(self, kernel: str) -> list[CaseRow]:
        """Return the measured rows of a kernel that have a speed-up."""
        return [row for row in self.rows[kernel] if is_measured(row) and row.judged is not None]

    def at_most_workers(self, rows: Iterable[CaseRow]) -> list[CaseRow]:
        """Return per variant the row with most workers that have a CPU each; where none has, that with the fewest."""

        def fitting(row: CaseRow) -> tuple[bool, int]:
            return not row.over_subscribed, -row.case.workers if row.over_subscribed else row.case.workers

        variants = grouped(rows, lambda row: (row.case.implementation, variant(self, row)))
        return [max(found, key=fitting) for found in variants.values()]


def winners(found: KernelVerdict | FunctionVerdict) -> Sequence[CaseRow]:
    """Return the cases that tie for the best of a kernel or of one of the user's functions."""
    return found.fastest if isinstance(found, KernelVerdict) else found.best


def read_view(path: Path, answer: Answer | None = None) -> View:
    """Read a result and the studies beside it, or the studies of a folder; ``ResultFileError`` if it is unreadable."""
    studies, cautions = studies_in(path if path.is_dir() else path.parent)
    stopped = (study for study in studies.values() if study.interrupted)
    cautions += tuple(f"{it.study} was stopped after {it.blocks} blocks: go on with it by --resume" for it in stopped)
    if not path.is_dir():
        measured = load(path)
        return View(answer or analyse(measured), measured, studies, cautions)
    nothing, first = Answer(result=str(path)), next(iter(studies.values()), None)
    if first is not None:
        nothing = replace(nothing, tool_version=first.tool_version, environment=first.environment)
    return View(nothing, None, studies, cautions)


def grouped(items: Iterable[T], key: Callable[[T], K]) -> dict[K, list[T]]:
    """Return the items by key, keys and items in the order in which they came."""
    found: dict[K, list[T]] = {}
    for item in items:
        found.setdefault(key(item), []).append(item)
    return found


def top(items: Iterable[T], limit: int, key: Callable[[T], float]) -> list[T]:
    """Return the ``limit`` items with the largest keys, in the order in which they came."""
    numbered = list(enumerate(items))
    best = sorted(numbered, key=lambda pair: key(pair[1]), reverse=True)[:limit]
    return [item for _, item in sorted(best, key=lambda pair: pair[0])]


def variant(view: View, row: CaseRow, *, interpreter: bool = True) -> str:
    """Name what distinguishes a row from others of its implementation, size and worker count: ``threads 3.13t ~c8``."""
    parts = [row.case.how]
    if interpreter and len(view.interpreters) > 1:
        parts.append(row.interpreter)
    if row.case.chunks_per_worker != DEFAULT_CHUNKS_PER_WORKER and row.case.executor != "serial":
        parts.append(f"~c{row.case.chunks_per_worker}")
    return " ".join(parts)


def counted_variant(view: View, row: CaseRow) -> str:
    """Name a variant with its workers: ``threads*4``."""
    return f"{variant(view, row)}*{row.case.workers}"


def beside(label: str, *texts: str) -> str:
    """Return the first text that fits at the right of a label in one line of a panel, or nothing."""
    room = (PANEL_WIDTH - 32) / _CHARACTER - len(label)
    return next((text for text in texts if len(text) <= room), "")


def panel_of(title: str, *shapes: str, height: float, alt: str) -> Panel:
    """Return the panel of some shapes below a title."""
    svg = tag(
        "svg",
        tag("text", title, x=12, y=17, class_="t"),
        *shapes,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {PANEL_WIDTH} {height:g}",
        width=PANEL_WIDTH,
        height=height,
        class_="chart",
        role="img",
        aria_label=alt,
    )
    return Panel(svg=svg, height=height, alt=alt)


def row_panels(
    what: str,
    rows: Iterable[CaseRow],
    draw: Callable[[CaseRow, float], Iterable[Markup]],
    describe: Callable[[CaseRow], str],
) -> list[Panel]:
    """Return a panel per implementation; ``draw`` gets each row with the y at which it begins."""
    panels = []
    for name, group in grouped(rows, lambda row: row.case.implementation).items():
        shapes = [shape for number, row in enumerate(group) for shape in draw(row, 30 + number * _ROW)]
        alt = f"{what} {name}: {'; '.join(map(describe, group))}"
        panels.append(panel_of(name, *shapes, height=34 + _ROW * len(group), alt=alt))
    return panels
