"""A free-threaded build runs with the GIL because a module switched it back on."""

from __future__ import annotations

from gilscope.analysis.findings import _gil
from gilscope.analysis.findings._view import CaseView, Finding

CURE = "update that module, do without it, or set PYTHON_GIL=0 if it is safe without the GIL"
EXPLAINS = _gil.CONSEQUENCES | {"gil_bound", "gil_held_in_c"}

_ON_PURPOSE = "PYTHON_GIL"  # telemetry.free_threading names the variable where the user asked for the GIL


def find(view: CaseView) -> Finding | None:
    """Name whoever switched the GIL on, unless the user did."""
    by = view.gil.switched_on
    if view.case.executor != "threads" or view.gil.enabled is not True or not by or _ON_PURPOSE in by:
        return None
    return Finding(code="gil_re_enabled", evidence=_gil.evidence(view, switched_on=by), share=_gil.share(view))
