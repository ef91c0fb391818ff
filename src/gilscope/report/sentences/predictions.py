"""How far it will scale, in words: at most so far, and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from gilscope.analysis.predict.model import Limit, Prediction
from gilscope.analysis.predict.outlook import WayOutlook
from gilscope.analysis.rows import CaseRow
from gilscope.report.figures import interval, seconds, times
from gilscope.stats import Estimate

BOUND_BY: Mapping[str, str] = {
    "gil": "the GIL",
    "parent": "the parent, handing out calls one by one",
    "lock": "a lock",
    "memory": "memory bandwidth",
    "cpus": "the CPUs",
    "workers": "nothing yet",
}
"""What limits a predicted speed-up."""

UNSEEN = 'Caches, allocators, NUMA, clocks and SMT may take more and do not show on few workers: read "at most"'


def limit_sentences(rows: Iterable[CaseRow]) -> Iterator[str]:
    """Yield how far each row scales at most, with the reason."""
    for row in rows:
        if row.limit is not None:
            yield limit_sentence(row, row.limit)


def limit_sentence(row: CaseRow, found: Limit) -> str:
    """Say what no number of workers exceeds."""
    if found.bound_by == "parent":
        each = f"calls of {seconds(1.0 / row.rate.value * _parallel(row))}" if row.rate is not None else "such calls"
        count = found.speedup
        return f"One parent can feed at most {interval(count, _whole)} workers with {each} one by one."
    what = "threads" if row.case.executor == "threads" else "workers"
    share = Estimate(
        value=1.0 / found.speedup.value,
        low=1.0 / found.speedup.high,
        high=1.0 / found.speedup.low,
        confidence=found.speedup.confidence,
        n=found.speedup.n,
    )
    who = "each call" if row.case.is_own else "one worker"
    why = {
        "gil": f"{who} holds the GIL for {_share(share)} of its time",
        "lock": f"{who} holds a lock for {_share(share)} of its time",
        "memory": "the memory serves no more",
    }[found.bound_by]
    return f"On any number of {what} at most {times(found.speedup)}: {why}."


def _parallel(row: CaseRow) -> float:
    return row.judged.value if row.judged is not None else 1.0


def _whole(value: float) -> str:
    return f"{value:.0f}"


def _share(share: Estimate) -> str:
    return f"{100 * share.value:.{0 if share.value >= 0.01 else 2}f} %"


def prediction_cells(found: Prediction) -> tuple[str, str, str]:
    """Return the cells of a prediction: workers, speed-up with its band, what limits it."""
    return str(found.workers), interval(found.speedup), BOUND_BY[found.bound_by]


def way_title(way: WayOutlook) -> str:
    """Name a way: ``work by threads`` of the user's function, ``nbody/cy_nogil@threads`` of a kernel."""
    case = way.case
    where = f", {case.interpreter}" if case.interpreter else ""
    return f"{case.implementation} by {case.how}{where}" if case.is_own else f"{case.id.partition('*')[0]}{where}"
