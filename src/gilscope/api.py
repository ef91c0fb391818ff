"""The Python interface: which way to run a function in parallel, and what stops the others."""

from __future__ import annotations

import html
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from gilscope import pipeline
from gilscope.analysis import Answer
from gilscope.analysis.rows import CaseRow
from gilscope.analysis.to_json import to_json
from gilscope.core.errors import UsageError
from gilscope.core.units import parse_duration_s
from gilscope.env.interpreters import choose
from gilscope.kernels.user import DEFAULT_TIMEOUT_S, Request
from gilscope.measure.events import Observer
from gilscope.profile.callables import request_of
from gilscope.profile.functions import DEFAULT_BUDGET_S, Functions, Options
from gilscope.report.sentences import closing, verdict
from gilscope.report.terminal.answer import render_answer
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
    budget: float | str = DEFAULT_BUDGET_S,
    budget_s: float | None = None,
    items: Iterable[Any] | None = None,
    check: Callable[[Any], Any] | str | None = None,
    precision: float = 0.05,
    scaling: Literal["weak", "strong"] = "weak",
    start_methods: Sequence[str] = (),
    timeout_s: float = DEFAULT_TIMEOUT_S,
    python: str | Sequence[str] = (),
    gil: Literal["on", "off", "both"] | None = None,
    work: str = "",
    observer: Observer | None = None,
    **kwargs: Any,
) -> Comparison:
    """Find the best way to run a function in parallel. One call is one task.

    >>> import gilscope, hashlib
    >>> found = gilscope.compare(hashlib.sha256, b"x" * 1_000_000, budget="10s")  # doctest: +SKIP
    >>> found.best.executor, found.best.net_speedup  # doctest: +SKIP

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
    budget : float or str
        Time from the first timed round on: seconds, or a text like ``"30s"`` or ``"2m"``.
    budget_s : float, optional
        The same in seconds, as earlier versions have it; it wins.
    items : iterable, optional
        What the function is mapped over: ``func(item, *args, **kwargs)`` is a task.
    check : callable or target, optional
        Called with results before anything is timed; returns True or raises AssertionError.
    precision : float
        Relative half-width of all intervals at which measuring stops early.
    scaling : str
        ``weak``: the same number of calls for each worker; ``strong``: for all together.
    start_methods : sequence of str
        Of processes, some of ``fork``, ``forkserver``, ``spawn``; empty: the safest one that is there.
    timeout_s : float
        Seconds that a call may take, with importing the function and making its arguments.
    python : str or sequence of str
        Other interpreters to measure under, in the same blocks: versions like ``"3.14t"``, environments of
        ``gilscope env``, or paths. The function must be importable there: give it as ``"module:function"``.
    gil : str, optional
        How free-threaded interpreters are run: ``on``, ``off``, ``both``; by default as they start by themselves.
    work : str
        What one call computes and moves between memory and caches, like ``"flops=2e6,bytes=24e6"``, or one of them:
        adds how much of the hardware each way uses.
    observer : Observer, optional
        Is told of the progress.

    Returns
    -------
    Comparison
        Shows the answer in terminals and notebooks; its parts are attributes.

    Raises
    ------
    UsageError
        If the function or its arguments cannot be sent to the processes that measure, an interpreter cannot be used,
        or a value makes no sense.
    """
    request = request_of(func, args, kwargs, items=items, check=check, work=work)
    options = Options(
        executors=tuple(executors),
        workers=(workers,) if isinstance(workers, int) else tuple(workers),
        start_methods=tuple(start_methods),
        budget_s=_seconds(budget) if budget_s is None else budget_s,
        precision=precision,
        scaling=scaling,
        timeout_s=timeout_s,
        interpreters=choose([python] if isinstance(python, str) else python, gil, ()),
    )
    with tempfile.TemporaryDirectory(prefix="gilscope-") as folder:
        answer = measure_functions(request, options, Path(folder), observer=observer)
        raw = Path(folder, RESULT_NAME).read_bytes()
    if answer.interrupted:
        raise KeyboardInterrupt
    return Comparison(replace(answer, result=""), raw)


def _seconds(budget: float | str) -> float:
    return parse_duration_s(budget, what="budget") if isinstance(budget, str) else budget


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way to run a function, and what it achieved.

    ``speedup`` is over one call at a time, ``net_speedup`` the same without the time that other programs took, by
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
        """The way with the highest throughput that certainly gains; one call at a time if none does."""
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
        return render_answer(self._shown(), width=_REPR_WIDTH)

    def __rich__(self) -> Text:
        from rich.text import Text

        return Text(repr(self))

    def _repr_html_(self) -> str:
        """Return the same answer for a notebook."""
        return f"<pre>{html.escape(repr(self))}</pre>"

    def _shown(self) -> Answer:
        return replace(self._answer, result="kept in memory; save() writes it")
