"""What the kernels' specs have in common: the usual implementations and the stored digests."""

import json
from collections.abc import Mapping
from pathlib import Path

from gilscope.core.spec import BufferSpec, Impl, ItemFormat, Role, Work

# Pure Python is measured at S; at M a round would take seconds to minutes.
PY_LOOP = Impl(name="py_loop", target="._py:py_loop", gil="held", size="S", sizes=("XS", "S"))
NP_VEC = Impl(name="np_vec", target="._np:np_vec", gil="released", needs=("numpy",))
CYTHON = (
    Impl(name="cy_gil", target="._cy:cy_gil", gil="held"),
    Impl(name="cy_nogil", target="._cy:cy_nogil", gil="released"),
    Impl(name="cy_prange", target="._cy_omp:cy_prange", gil="own_threads"),
)
NUMBA = (
    Impl(name="nb_gil", target="._nb:nb_gil", gil="held", needs=("numba",)),
    Impl(name="nb_nogil", target="._nb:nb_nogil", gil="released", needs=("numba",)),
    Impl(name="nb_prange", target="._nb:nb_prange", gil="own_threads", needs=("numba",)),
)


def not_available(name: str, reason: str) -> Impl:
    """Return an implementation that this kernel does not have, with the reason."""
    return Impl(name=name, target="", gil="held", unavailable=reason)


NO_NP_BLAS = not_available("np_blas", "BLAS has no such operation")
NO_STD_C = not_available("std_c", "the standard library has no such function")


def alike(form: ItemFormat, length: int, **roles: Role) -> tuple[BufferSpec, ...]:
    """Lay out buffers of one format and length, each given by its name with its role."""
    return tuple(BufferSpec(name=name, format=form, length=length, role=role) for name, role in roles.items())


def counted(units: int, unit: str, *, flops: int = 0, nbytes: int = 0) -> Work:
    """Return the work of so many units of so many flops and bytes each."""
    return Work(units=units, unit=unit, flops=flops * units, bytes=nbytes * units)


def read_digests(spec_file: str) -> Mapping[str, str]:
    """Return the digests kept beside a kernel's ``spec.py``, by size; none if they were not made yet."""
    path = Path(spec_file).with_name("digests.json")
    digests: dict[str, str] = json.loads(path.read_text(encoding="ascii")) if path.exists() else {}
    return digests
