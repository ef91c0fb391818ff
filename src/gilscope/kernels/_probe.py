"""What the specs of the probes have in common: the number of items done is the answer, and nothing is read."""

from dataclasses import replace
from typing import Any

from gilscope.core.spec import Buffers, BufferSpec, Impl, KernelSpec, Params, Work

# Divisible into chunks for any usual number of workers, and so many that one more or less per chunk is below 2 %.
ITEMS = 20_160

# Probes scale by their parameters, so all implementations run at all sizes.
PY_LOOP = Impl(name="py_loop", target="._py:py_loop", gil="held")
CY_GIL = Impl(name="cy_gil", target="._cy:cy_gil", gil="held")
CY_NOGIL = Impl(name="cy_nogil", target="._cy:cy_nogil", gil="released")


def check(params: Params, buffers: Buffers, result: Any) -> str | None:
    """Complain if not all items were done."""
    return None if result == params["items"] else f"{result} items were done, expected {params['items']}"


BARE = KernelSpec(
    name="",
    kind="probe",
    summary="",
    regime="",
    sizes={},
    extent=lambda params: params["items"],
    combine=lambda params, partials: sum(partials),
    check=check,
    work=lambda params, result: Work(units=params["items"], unit="items"),
    impls=(),
)
"""A probe without buffers, of which each makes its own by ``replace``."""

COMPUTING = replace(
    BARE,
    layout=lambda params: (BufferSpec(name="last", format="Q", length=params["items"], role="output"),),
    writes=lambda params, phase, lo, hi: (("last", lo, hi),),
)
"""The same with a word per item for what compiled loops computed, so that no compiler removes them."""
