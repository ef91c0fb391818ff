"""A probe of reference counts: byte code that does nothing but take and drop references to one object.

All threads use the same object: on free-threaded builds its reference count travels from core to core. The probe
``private_object`` does the same on an object of each call's own. Under the GIL both take the same time.
"""

from __future__ import annotations

from gilscope.core.spec import KernelSpec, Work
from gilscope.kernels import _probe

_ITEMS = 240


def _size(references: int, items: int = _ITEMS) -> dict[str, int]:
    return {"items": items, "references": references, "shared": 1}


KERNEL = KernelSpec(
    name="shared_object",
    kind="probe",
    summary="references to one shared object",
    regime="reference counts",
    sizes={"XS": _size(20, items=16), "S": _size(1_000), "M": _size(20_000), "L": _size(200_000)},
    extent=_probe.extent,
    combine=_probe.combine,
    check=_probe.check,
    work=lambda params, result: Work(units=params["items"] * params["references"], unit="references"),
    impls=(_probe.PY_LOOP,),
)
