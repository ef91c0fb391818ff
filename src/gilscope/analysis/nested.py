"""Nested parallelism: workers whose calls run on the libraries' own threads, against the same with one thread each."""

from __future__ import annotations

from dataclasses import replace

from gilscope.analysis.columns import Columns, estimated, ratio
from gilscope.core.cases import Case
from gilscope.stats import Estimate

__all__ = ["versus_limited"]


def versus_limited(columns: Columns, case: Case) -> Estimate | None:
    """Estimate T(p) over that of its twin with one library thread per worker, within blocks.

    Returns
    -------
    Estimate or None
        Above 1 the libraries' own threads are in the way; None where they are limited anyway.
    """
    if case.libraries != "all":
        return None
    return estimated(ratio(columns.of(case), columns.of(replace(case, libraries=""))))
