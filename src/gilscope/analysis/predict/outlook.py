"""The outlook of a result: each way to run with what was measured of it, what is predicted, and the limit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gilscope.analysis.answer import Answer
from gilscope.analysis.columns import grouped
from gilscope.analysis.predict.model import WORKERS, Demands, Limit, Prediction, predict
from gilscope.analysis.predict.whatif import Change, Changed, changes_of
from gilscope.analysis.rows import CaseRow
from gilscope.core.cases import Case
from gilscope.stats import Estimate

SCHEMA, SCHEMA_VERSION = "gilscope.prediction", 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A speed-up that was measured."""

    workers: int
    speedup: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class WayOutlook:
    """One way to run.

    Parameters
    ----------
    case : Case
        With most workers that were measured, from which it is predicted.
    measured : tuple of Measured
        Net speed-ups, or as timed where those are not known.
    predictions : tuple of Prediction or None
    limit : Limit or None
    reason : str
        Why nothing is predicted.
    what_if : tuple of Changed
        The same with a change.
    """

    case: Case
    measured: tuple[Measured, ...]
    predictions: tuple[Prediction, ...] | None
    limit: Limit | None
    reason: str
    what_if: tuple[Changed, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What ``gilscope predict`` says: ``cpus`` None means one for each worker."""

    schema: str = SCHEMA
    schema_version: int = SCHEMA_VERSION
    result: str = ""
    cpus: int | None = None
    cases: tuple[WayOutlook, ...] = ()


def outlook(
    answer: Answer,
    *,
    workers: tuple[int, ...] = WORKERS,
    cpus: int | None = None,
    changes: Sequence[Change] = (),
    kernel: str = "",
) -> Outlook:
    """Predict every way that was measured on several workers, of one kernel or of all; about 50 ms each."""
    rows = answer.by_kernel[kernel] if kernel else answer.rows
    return Outlook(result=answer.result, cpus=cpus, cases=tuple(_ways(rows, workers, cpus, changes)))


def _ways(
    rows: Sequence[CaseRow], workers: tuple[int, ...], cpus: int | None, changes: Sequence[Change]
) -> Iterator[WayOutlook]:
    several = [row for row in rows if not row.case.is_single and row.judged is not None]
    for found in grouped(several, lambda row: (row.case.kernel, row.case.implementation, row.case.how,
                                               row.case.interpreter)).values():  # fmt: skip
        ordered = sorted(found, key=lambda row: row.case.workers)
        row = next((one for one in reversed(ordered) if isinstance(one.demands, Demands)), ordered[-1])
        points = tuple(
            Measured(workers=one.case.workers, speedup=one.judged) for one in ordered if one.judged is not None
        )
        demands = row.demands
        if not isinstance(demands, Demands):
            yield WayOutlook(case=row.case, measured=points, predictions=None, limit=None, reason=demands)
            continue
        yield WayOutlook(
            case=row.case,
            measured=points,
            predictions=predict(demands, workers, cpus),
            limit=row.limit,
            reason="",
            what_if=changes_of(demands, changes, workers, cpus),
        )
