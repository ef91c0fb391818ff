"""Workers times the threads that their libraries start are more threads than CPUs."""

from __future__ import annotations

from gilscope.analysis.columns import averaged
from gilscope.analysis.evidence import NestedEvidence
from gilscope.analysis.findings._view import SCALES_FROM, WORTH, CaseView, Finding, below

CURE = (
    "limit the libraries to one thread per worker (OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1 OMP_NUM_THREADS=1 "
    "NUMBA_NUM_THREADS=1, or threadpoolctl.threadpool_limits(1)), or use one worker"
)
EXPLAINS = frozenset({"too_noisy"})


def find(view: CaseView) -> Finding | None:
    """Name it where such workers certainly reach less than they should: T(1) has used all CPUs already."""
    if not view.nested or view.figures.efficiency is None or not (view.falls_short or _short_as_timed(view)):
        return None
    count = view.cpus.get("count")
    usable = count if isinstance(count, int) else None
    evidence = NestedEvidence(
        versus_limited=view.versus_limited,
        cpus_per_worker=view.cpus_per_worker,
        threads=None if usable is None else view.case.workers * usable,
        usable_cpus=usable,
    )
    return Finding(code="nested_parallelism", evidence=evidence, share=max(0.0, 1.0 - view.figures.efficiency.value))


def _short_as_timed(view: CaseView) -> bool:
    """Whether more threads than CPUs fall short as timed, and nobody else took CPUs: the control's did not queue.

    What of such workers' own queueing was their doing is not known from their clocks, so that net says little.
    """
    control, each, count = view.control_account, view.cpus_per_worker, view.cpus.get("count")
    if control is None or "run_queue" in control.unknown:
        return False
    if each is not None and isinstance(count, int) and view.case.workers * round(each.value) <= count:
        return False  # threads that fit queue for other programs, which a control with fewer need not meet
    alone = below(averaged(control.fractions["run_queue"]), WORTH)
    return alone and below(view.figures.relative_efficiency, SCALES_FROM)
