"""Nested parallelism: workers whose calls run on the libraries' own threads, against the same with one thread each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from gilscope.analysis.columns import Columns, estimated, ratio
from gilscope.core.cases import Case
from gilscope.core.spec import NESTED
from gilscope.stats import Estimate

__all__ = ["limited", "versus_limited"]


def limited(case: Case, functions: Mapping[str, Any]) -> Case | None:
    """Return the twin of a case whose libraries are limited to one thread per worker; None where it has none.

    Parameters
    ----------
    functions : mapping
        ``environment.functions`` of the result: what was seen of each of the user's functions, by name.
    """
    base = case.implementation.removesuffix(NESTED)
    if base == case.implementation or base not in functions or case.implementation in functions:
        return None
    return replace(case, implementation=base)


def versus_limited(columns: Columns, case: Case, functions: Mapping[str, Any]) -> Estimate | None:
    """Estimate T(p) over that of the twin, within blocks: above 1 the libraries' own threads are in the way."""
    twin = limited(case, functions)
    return estimated(ratio(columns.of(case), columns.of(twin))) if twin is not None else None
