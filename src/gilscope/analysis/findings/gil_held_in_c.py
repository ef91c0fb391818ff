"""Threads wait for the GIL, and C code keeps it past a request for release, as byte code never does."""

from __future__ import annotations

from gilscope.analysis.findings import _gil
from gilscope.analysis.findings._view import CaseView, Finding

CURE = (
    "release the GIL around the computation (Cython nogil, Numba nogil=True, C Py_BEGIN_ALLOW_THREADS), "
    "or use processes or free-threaded Python"
)
EXPLAINS = _gil.CONSEQUENCES | {"gil_bound"}


def find(view: CaseView) -> Finding | None:
    """Name C code where the GIL was kept for a good part of the time although others had requested it."""
    share = _gil.share(view)
    if not share or not _gil.in_c(view.gil.overdue):
        return None
    return Finding(code="gil_held_in_c", evidence=_gil.evidence(view), share=share)
