"""The Python interface: which way to run a function in parallel, and what stops the others."""

from __future__ import annotations

import html
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from gilscope import pipeline
from gilscope.analysis import Answer
from gilscope.analysis.rows import CaseRow
from gilscope.analysis.to_json import to_json
from gilscope.core.errors import UsageError
from gilscope.kernels.user import DEFAULT_TIMEOUT_S, Request
from gilscope.measure.events import Observer
from gilscope.profile.callables import request_of
from gilscope.profile.functions import DEFAULT_BUDGET_S, Functions, Options
from gilscope.report.columns import used_columns
from gilscope.report.figures import printable
from gilscope.report.sentences import closing, verdict
from gilscope.report.sentences.notes import notes_of
from gilscope.report.terminal import rates_title, render
from gilscope.results.schema import RESULT_NAME
from gilscope.stats import Estimate

if TYPE_CHECKING:
    from rich.text import Text

__all__ = ["Comparison", "Way", "compare", "measure_functions"]

_REPR_WIDTH = 100


def measure_functions(request: Request, options: Options, out: Path, *, observer: Observer | None = None) -> Answer:
    """Measure the user's own functions into ``result.jsonl`` in a folder, which is made if necessary, and analyse them.

    The answer is ``interrupted`` if Ctrl-C ended it early. Raises UsageError for an invalid request, or if ``out``
    cannot be written.
    """
    return pipeline.run(Functions(request, options), out, observer=observer)


def compare(
    func: Callable[..., Any] | str | Sequence[Callable[..., Any] | str],
    *args: Any,
    executors: Sequence[str] = (),
    workers: int | Sequence[int] = (),
    budget_s: float = DEFAULT_BUDGET_S,
    items: Iterable[Any] | None = None,
    check: Callable[[Any], Any] | str | None = None,
    precision: float = 0.05,
    scaling: Literal["weak", "strong"] = "weak",
    start_methods: Sequence[str] = (),
    timeout_s: float = DEFAULT_TIMEOUT_S,
    observer: Observer | None = None,
    **kwargs: Any,
) -> Comparison:
    """Find the best way to run a function in parallel. One call is one task.

    Parameters
    ----------
    func : callable, ``"pkg.module:function"``, or a sequence of these
        Several are compared like implementations of one kernel. Use ``functools.partial`` for arguments named like
        parameters of this function.
    *args, **kwargs
        Arguments of every call; they are copied to the processes that measure.
    executors : sequence of str
        Some of ``serial``, ``threads``, ``processes``, ``interpreters``, ``native``, ``dask``, ``loky``; empty: the
        first three, ``native`` for functions whose libraries have their own threads, and ``interpreters`` where this
        Python has sub-interpreters and a GIL.
    workers : int or sequence of int
        Worker counts; empty: 1, 2, 4, ... up to the usable CPUs.
    budget_s : float
        Seconds from the first timed round on.
    items : iterable, optional
        What the function is mapped over: ``func(item, *args, **kwargs)`` is a task.
    check : callable or target, optional
        Called with results before anything is timed; returns True or raises AssertionError.

    Raises
    ------
    UsageError
        If the function or its arguments cannot be sent to the processes that measure.
    """
    request = request_of(func, args, kwargs, items=items, check=check)
    options = Options(
        executors=tuple(executors),
        workers=(workers,) if isinstance(workers, int) else tuple(workers),
        start_methods=tuple(start_methods),
        budget_s=budget_s,
        precision=precision,
        scaling=scaling,
        timeout_s=timeout_s,
    )
    with tempfile.TemporaryDirectory(prefix="gilscope-") as folder:
        answer = measure_functions(request, options, Path(folder), observer=observer)
        raw = Path(folder, RESULT_NAME).read_bytes()
    if answer.interrupted:
        raise KeyboardInterrupt
    return Comparison(replace(answer, result=""), raw)


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way to run a function, and what it achieved.

    ``speedup`` is over one call after the other, ``net_speedup`` the same without the time that other programs took, by
    which it is judged where it is known, ``efficiency`` that over the workers, ``relative_efficiency`` that
    over the machine's limit (control ``spin``), ``rate`` in tasks per second.
    """

    case: str  # its id, as in result files
    function: str
    executor: str
    start_method: str
    workers: int
    status: str  # ok, or what happened
    reason: str
    detail: str  # the worker's traceback
    speedup: Estimate | None
    net_speedup: Estimate | None
    efficiency: Estimate | None
    relative_efficiency: Estimate | None
    rate: Estimate | None
    findings: tuple[str, ...]  # what stops it, or "scales"

    @classmethod
    def of(cls, row: CaseRow) -> Way:
        """Return the way of a row of the answer."""
        return cls(
            case=row.case.id,
            function=row.case.implementation,
            executor=row.case.executor,
            start_method=row.case.start_method,
            workers=row.case.workers,
            status=row.status,
            reason=row.why,
            detail=row.detail,
            speedup=row.speedup,
            net_speedup=row.net_speedup,
            efficiency=row.efficiency,
            relative_efficiency=row.relative_efficiency,
            rate=row.rate,
            findings=row.codes,
        )


class Comparison:
    """What ``compare`` found; displays itself in terminals and notebooks.

    ``answer`` is of one kernel, the functions that were compared; ``raw`` is the result file.
    """

    def __init__(self, answer: Answer, raw: bytes) -> None:
        self._answer, self._raw = answer, raw
        ((self._kernel, self._rows),) = answer.by_kernel.items()

    @property
    def best(self) -> Way:
        """The way with the highest throughput that certainly gains; one call after the other if none does."""
        best = self._answer.verdict(self._kernel).best
        if best is None:
            raise UsageError(f"no case of {self._kernel} could be measured: {self._rows[0].reason}")
        return Way.of(best)

    @property
    def cases(self) -> tuple[Way, ...]:
        """All ways, measured or not."""
        return tuple(map(Way.of, self._rows))

    @property
    def findings(self) -> tuple[Mapping[str, Any], ...]:
        """What stops which case, with evidence and fix; the costliest first."""
        return tuple(self._document["findings"])

    @cached_property
    def _document(self) -> dict[str, Any]:
        return to_json(self._answer, verdict)

    @property
    def verdict(self) -> str:
        """The closing sentences."""
        return closing(self._answer, self._kernel)

    def case(self, executor: str, workers: int | None = None, *, function: str | None = None) -> Way:
        """Return one way; by default with most workers, of the first function. UsageError lists what there is."""
        found = [
            way
            for way in self.cases
            if way.executor == executor
            and workers in (None, way.workers)
            and (function is None or way.function == function)
        ]
        if not found:
            raise UsageError(
                f"no case with {executor!r} and {workers or 'any number of'} workers: "
                f"there are {', '.join(way.case for way in self.cases)}"
            )
        return max(found, key=lambda way: (way.function == found[0].function, way.workers))

    def to_dict(self) -> dict[str, Any]:
        """Return the analysis document (docs/schema.md)."""
        return dict(self._document)

    def save(self, path: str | Path) -> Path:
        """Write the result file, for ``gilscope show`` and ``compare``; into ``path`` if that is a folder.

        Raises UsageError if the file exists or cannot be written.
        """
        target = Path(path)
        target = target / RESULT_NAME if target.is_dir() or not target.suffix else target
        if target.exists():
            raise UsageError(f"{target} is there already: choose another name")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(self._raw)
        except OSError as error:
            raise UsageError(f"cannot write {target}: {error.strerror}; choose another folder") from None
        return target

    def __repr__(self) -> str:
        return render(self._shown(), width=_REPR_WIDTH)

    def __rich__(self) -> Text:
        from rich.text import Text

        return Text.from_ansi(render(self._shown(), width=_REPR_WIDTH, color=True))

    def _repr_html_(self) -> str:
        """Return the table and the verdict for a notebook."""
        return "".join(_html(self._answer, self._kernel))

    def _shown(self) -> Answer:
        return replace(self._answer, result="kept in memory; save() writes it")


def _html(answer: Answer, kernel: str) -> Iterator[str]:
    """Yield a table with the cells of the terminal's, the notes beside it, and the verdict."""
    rows = answer.by_kernel[kernel]
    columns = list(used_columns("notebook", rows))
    yield f"<table><caption>{html.escape(rates_title(answer, kernel))}</caption><thead>"
    yield _html_row("th", (column.heading for column in columns))
    yield "</thead><tbody>"
    for row in rows:
        yield _html_row("td", (column.terminal_cell(row, narrow=False) for column in columns))
    yield "</tbody></table>"
    notes = [f"{note.title}: {text}" for note, text in notes_of(answer, kernel)]
    for text in [*notes, closing(answer, kernel)]:
        yield f"<p>{html.escape(printable(text))}</p>"


def _html_row(tag: str, cells: Iterable[str]) -> str:
    return f"<tr>{''.join(f'<{tag}>{html.escape(printable(cell))}</{tag}>' for cell in cells)}</tr>"
