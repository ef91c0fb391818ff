"""The columns of all tables of cases: terminal, page, CSV and documentation take theirs from here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any, Literal, TypeAlias

from gilscope.analysis.rows import CaseRow
from gilscope.report.figures import NONE, interval, narrow, per_second, percent, seconds, si, sized, spread
from gilscope.report.labels import mark, workers
from gilscope.report.sentences.findings import largest_loss
from gilscope.stats import Estimate

Place: TypeAlias = Literal["terminal", "reasons", "page", "csv"]  # reasons: the terminal's second table

Value: TypeAlias = Estimate | float | int | str | None
_Found: TypeAlias = Estimate | None

_EVERYWHERE: tuple[Place, ...] = ("terminal", "page", "csv")
_REASONS: tuple[Place, ...] = ("reasons", "page", "csv")


@dataclass(frozen=True, slots=True)
class Column:
    """One column; a property of a case becomes a cell, a sort key, and fields of CSV."""

    key: str  # its name in CSV and for programs
    title: str  # its head; a line feed may break it
    help: str  # what it shows, in one sentence
    value: Callable[[CaseRow], Value]  # what it is sorted by, and what CSV has: of an estimate the value and both ends
    _: KW_ONLY
    text: Callable[[CaseRow], str] | None = None  # the cell; by default the value
    terse: Callable[[CaseRow], str] | None = None  # the cell in terminals, where it differs
    fold: tuple[str, str] = ("", "")  # what narrow terminals replace, and by what, to break lines
    short: str = ""  # its head in narrow terminals
    left: bool = False  # whether it is set flush left
    given_up: int = 0  # narrow terminals leave out columns above 0, the lowest first
    places: tuple[Place, ...] = _EVERYWHERE  # the tables that have it
    estimated: bool = False  # whether its values are estimates: CSV has three fields of each

    def cell(self, row: CaseRow) -> str:
        """Return the text of a cell."""
        if self.text is not None:
            return self.text(row)
        value = self.value(row)
        return NONE if value in (None, "") else str(value)

    def terminal_cell(self, row: CaseRow, *, narrow: bool) -> str:
        """Return the text of a cell in a terminal, in several lines where that is narrow."""
        text = self.terse(row) if self.terse is not None else self.cell(row)
        return text.replace(*self.fold) if narrow and self.fold[0] else text

    def sort_key(self, row: CaseRow) -> float | int | str | None:
        """Return what it is sorted by; None goes last."""
        value = self.value(row)
        return value.value if isinstance(value, Estimate) else value

    @property
    def heading(self) -> str:
        """The title in one line, its hyphenation undone."""
        return self.title.replace("-\n", "").replace("\n", " ")

    def head(self, *, narrow: bool = False) -> str:
        """Return the head, in one line or, where there is little room, in two."""
        return (self.short or self.title) if narrow else self.title


def _estimate(
    key: str, title: str, help_: str, value: Callable[[CaseRow], _Found], write: Callable[[_Found], str], **more: Any
) -> Column:
    return Column(key, title, help_, value, text=lambda row: write(value(row)), estimated=True, **more)


def _only_csv(key: str, title: str, help_: str, value: Callable[[CaseRow], Value]) -> Column:
    return Column(key, title, help_, value, places=("csv",))


def _status(row: CaseRow) -> str:
    return row.status.replace("_", " ")


def _versus(found: Estimate | None) -> str:
    if found is None:
        return NONE
    itself = found.value == found.low == found.high == 1.0
    return "1" if itself else f"{narrow(found.value)} {spread(found)}"


COLUMNS: Sequence[Column] = (
    Column("case", "case", "Id of the case.", lambda row: row.case.id, left=True, places=("csv",)),
    Column(
        "kernel", "kernel", "The problem that is computed.", lambda row: row.case.kernel,
        left=True, places=("page", "csv"),
    ),
    Column(
        "implementation", "implementation", "How it is written.", lambda row: row.case.implementation,
        short="imple-\nmentation", left=True,
    ),
    Column(
        "executor", "executor", "Who runs the chunks, with whatever is not the default.", lambda row: row.case.executor,
        text=lambda row: row.case.how, fold=(".", "\n."), left=True,
    ),
    Column(
        "interpreter", "Python\nGIL", "The interpreter, and whether the GIL was on after all imports.",
        lambda row: row.interpreter, left=True,
        text=lambda row: row.interpreter + {None: "", True: " on", False: " off"}[row.gil.enabled],
    ),
    _only_csv("start_method", "start method", "Of processes.", lambda row: row.case.start_method),
    _only_csv("transport", "transport", "How processes get their data.", lambda row: row.case.transport),
    _only_csv(
        "libraries", "libraries",
        "How many threads the libraries behind it use: one per worker, all CPUs, or native ones only.",
        lambda row: row.case.libraries,
    ),
    _only_csv(
        "memory", "malloc",
        "Whether malloc keeps what is freed (kept, onearena), or shared buffers are on smallpages.",
        lambda row: row.case.memory,
    ),
    Column(
        "workers", "workers",
        "How many threads, processes or interpreters; ! marks more than there are usable CPUs.",
        lambda row: row.case.workers, short="p", text=workers,
    ),
    Column("size", "size", "Size of the problem.", lambda row: row.case.size, short="size"),
    Column(
        "status", "status", "Whether it was measured, and why not.", lambda row: row.status,
        text=lambda row: ": ".join(filter(None, (_status(row), row.why))), left=True, places=("page", "csv"),
    ),
    _only_csv("reason", "reason", "Why it was not measured.", lambda row: row.reason),
    _only_csv("blocks", "blocks", "How often it was measured.", lambda row: row.blocks),
    _estimate(
        "wall_s", "time", "Time of one execution.", lambda row: row.wall_s, lambda found: interval(found, seconds),
        terse=lambda row: seconds(row.wall_s.value) if row.wall_s is not None else NONE, given_up=1,
    ),
    Column(
        "rate", "rate", "Work per second.", lambda row: row.rate, estimated=True,
        text=lambda row: per_second(row.rate) if row.rate is not None else _status(row),
        terse=lambda row: f"{si(row.rate.value)} {spread(row.rate)}" if row.rate is not None else _status(row),
    ),
    _estimate(
        "speedup", "speed-up", "Time on one thread over time on all workers, with its interval.",
        lambda row: row.speedup, interval,
    ),
    _estimate(
        "net_speedup", "net\nspeed-up", "The same without the time that other programs took: decisions go by it.",
        lambda row: row.net_speedup, interval,
    ),
    _estimate(
        "efficiency", "effi-\nciency", "Speed-up over the number of workers.", lambda row: row.efficiency, percent,
        given_up=2,
    ),
    Column(
        "pss_bytes", "memory", "Memory of all its processes, shared pages counted once (PSS); of functions only.",
        lambda row: row.pss_bytes, text=lambda row: sized(row.pss_bytes) if row.pss_bytes is not None else NONE,
        given_up=1,
    ),
    Column(
        "relative_efficiency", "of the\nlimit",
        "Speed-up over the machine's limit: that of a loop in registers on as many workers in the same seconds.",
        lambda row: row.relative_efficiency, estimated=True,
        text=lambda row: percent(row.relative_efficiency) if row.speedup is not None else NONE,
    ),
    _estimate(
        "of_hardware", "of the\nhardware",
        "Share of the memory bandwidth, or of peak arithmetic, that the hardware gave to as many threads.",
        lambda row: row.hardware.share if row.hardware is not None else None, percent, given_up=2,
    ),
    _estimate(
        "vs_fastest_serial", "vs best\nserial", "Rate over that of the fastest implementation on one thread.",
        lambda row: row.vs_fastest_serial, _versus, given_up=3,
    ),
    _estimate(
        "gil_held", "GIL held", "Share of the time during which a thread held the GIL.",
        lambda row: row.gil.held, percent, short="GIL\nheld", places=_REASONS,
    ),
    _estimate(
        "gil_waiting", "GIL waiting", "Threads that waited for the GIL, on average.", lambda row: row.gil.waiting,
        lambda found: f"{found.value:.2f}" if found is not None else NONE, short="GIL\nwait", places=_REASONS,
    ),
    Column(
        "largest_loss", "largest loss", "Where most of the workers' time went that did not go into the work.",
        lambda row: row.largest_loss[1] if row.largest_loss is not None else None,
        text=largest_loss, places=_REASONS, estimated=True,
    ),
    Column(
        "findings", "finding", "What stops it, the costliest first, or that it scales.",
        lambda row: " ".join(row.codes), text=lambda row: ", ".join(row.codes) or NONE, fold=(", ", ",\n"), left=True,
        places=("reasons", "page", "csv"),
    ),
)  # fmt: skip


def columns_of(place: Place) -> Iterator[Column]:
    """Yield the columns of a table."""
    return (column for column in COLUMNS if place in column.places)


def used_columns(place: Place, rows: Sequence[CaseRow]) -> Iterator[Column]:
    """Yield the columns of a table but those that say nothing of any row: of one interpreter its name."""
    unused = set() if any(mark(row) for row in rows) else {"interpreter"}
    if all(row.net_speedup is None for row in rows):  # old results, systems whose scheduler does not tell
        unused.add("net_speedup")
    if all(row.hardware is None for row in rows):
        unused.add("of_hardware")
    if all(row.pss_bytes is None for row in rows):
        unused.add("pss_bytes")
    return (column for column in columns_of(place) if column.key not in unused)
