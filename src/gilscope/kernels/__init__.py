"""The kernels: which there are, whether an implementation can be used here, and whether an answer is right.

A kernel is a folder with ``spec.py`` (its ``KERNEL``), a module per language and ``ext/gilscope/kernels/<kernel>``.
Only ``resolve`` imports more than the standard library.
"""

import hashlib
import importlib
import importlib.metadata
import importlib.util
import json
import sys
from array import array
from collections.abc import Callable
from typing import Any

from gilscope.core import targets
from gilscope.core.errors import UnavailableError
from gilscope.core.registry import KERNELS, PROBES, check_names
from gilscope.core.spec import Availability, Buffers, Impl, KernelSpec, Params

__all__ = ["adopt", "adopted", "answer_digest", "availability", "buffer_layout", "foreign", "load", "poison", "resolve",
           "target", "verify", "views"]  # fmt: skip

_POISON = 0xAB
_EXTRAS = ("numba", "dask")  # packages that are an extra of the same name
views = targets.views
_adopted: dict[str, KernelSpec] = {}


def foreign() -> dict[str, importlib.metadata.EntryPoint]:
    """Return the kernels of other packages (entry point group ``gilscope.kernels``) by name."""
    found = importlib.metadata.entry_points(group="gilscope.kernels")
    return {entry.name: entry for entry in found if entry.name not in (*KERNELS, *PROBES)}


def adopt(spec: KernelSpec) -> None:
    """Make a kernel of the user's own functions known to this process. A later one of the same name replaces it."""
    _adopted[spec.name] = spec


def adopted(name: str) -> bool:
    """Whether a kernel is made of the user's own functions."""
    return name in _adopted


def load(name: str) -> KernelSpec:
    """Return a kernel or probe by its name, or raise UnknownNameError with the nearest name."""
    if name in _adopted:
        return _adopted[name]
    if name not in (*KERNELS, *PROBES):
        others = foreign()
        check_names("kernel", [name], (*KERNELS, *PROBES, *others))
        brought: KernelSpec = others[name].load()
        return brought
    spec: KernelSpec = importlib.import_module(f"{__name__}.{name}.spec").KERNEL
    return spec


def target(kernel: str, impl: Impl) -> str:
    """Return the absolute ``module:function`` of an implementation."""
    return f"{__name__}.{kernel}{impl.target}" if impl.target.startswith(".") else impl.target


def availability(spec: KernelSpec, impl: Impl) -> Availability:
    """Whether this interpreter can use an implementation; imports nothing that it needs."""
    if impl.unavailable:
        return Availability(ok=False, reason=impl.unavailable)
    for package in impl.needs:
        if importlib.util.find_spec(package) is None:
            cure = f"Install it with: pip install '{f'gilscope[{package}]' if package in _EXTRAS else package}'"
            return Availability(ok=False, reason=f"{package} is not installed", cure=cure)
    module = target(spec.name, impl).partition(":")[0]
    try:
        found = importlib.util.find_spec(module)
    except ModuleNotFoundError:
        found = None
    if found is None:
        reason = f"the compiled module {module} is not built for this interpreter"
        cure = "Install a C compiler (with OpenMP for cy_prange), then: pip install --force-reinstall gilscope"
        return Availability(ok=False, reason=reason, cure=cure)
    return Availability(ok=True)


def resolve(kernel: str, impl: Impl) -> Callable[..., Any]:
    """Import the function of an implementation; UnavailableError if this kernel has no such implementation."""
    if impl.unavailable:
        raise UnavailableError(f"{kernel}/{impl.name}: {impl.unavailable}")
    return targets.resolve(target(kernel, impl), impl.definition)


def buffer_layout(spec: KernelSpec, params: Params) -> targets.Layout:
    """Place all buffers of a kernel in one segment."""
    return targets.layout(spec.layout(params))


def poison(spec: KernelSpec, params: Params, buffers: Buffers) -> None:
    """Overwrite outputs and state, so that an earlier implementation's answer cannot pass for a new one."""
    for buffer in spec.layout(params):
        if buffer.role != "input":
            whole = buffers[buffer.name].cast("B")
            for start in range(0, len(whole), 1 << 20):  # in pieces: no second copy of a large buffer
                piece = whole[start : start + (1 << 20)]
                piece[:] = bytes([_POISON]) * len(piece)


def answer_digest(spec: KernelSpec, params: Params, buffers: Buffers, result: Any) -> str:
    """Return a digest of the answer: the bytes of the outputs (little-endian), then the result as JSON."""
    state = hashlib.blake2b(digest_size=16)
    for name, lo, hi in spec.outputs(params):
        part = buffers[name][lo:hi]
        if sys.byteorder == "big":
            swapped = array(part.format, part.tobytes())
            swapped.byteswap()
            part = memoryview(swapped)
        state.update(part.cast("B"))
    state.update(json.dumps(result).encode())
    return state.hexdigest()


def verify(spec: KernelSpec, size: str, buffers: Buffers, result: Any) -> str | None:
    """Compare an answer with the stored digest and with what is known about it; return what is wrong, or None."""
    params = spec.sizes[size]
    complaint = spec.check(params, buffers, result)
    expected = spec.digests.get(size)
    if complaint or expected is None or (actual := answer_digest(spec, params, buffers, result)) == expected:
        return complaint
    return f"digest of the answer at {size} is {actual[:12]}, expected {expected[:12]}"
