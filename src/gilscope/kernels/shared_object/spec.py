"""A probe of reference counts: byte code that does nothing but take and drop references to one object.

All threads use the same object: on free-threaded builds its reference count travels from core to core. The probe
``private_object`` does the same on an object of each call's own. Under the GIL both take the same time.
"""

from dataclasses import replace

from gilscope.core.spec import Work
from gilscope.kernels import _probe


def _size(references: int, items: int = 240) -> dict[str, int]:
    return {"items": items, "references": references, "shared": 1}


KERNEL = replace(
    _probe.BARE,
    name="shared_object",
    summary="references to one shared object",
    regime="reference counts",
    sizes={"XS": _size(20, items=16), "S": _size(1_000), "M": _size(20_000), "L": _size(200_000)},
    work=lambda params, result: Work(units=params["items"] * params["references"], unit="references"),
    impls=(_probe.PY_LOOP,),
)
