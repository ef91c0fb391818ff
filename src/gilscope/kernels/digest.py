"""Make the digests kept beside the kernels: ``gilscope kernels digest [KERNEL...]``.

XS and S come from the oracle ``py_loop``; M and L from ``cy_nogil``, which must agree with the oracle at XS and S.
Every answer must also pass the kernel's own check.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from gilscope import kernels
from gilscope.core.errors import MeasurementError, UnavailableError
from gilscope.core.registry import KERNELS, SIZES
from gilscope.core.spec import Impl, KernelSpec, chunk_bounds

_CHUNKS = 4


def run_once(spec: KernelSpec, impl: Impl, size: str) -> str:
    """Run an implementation once on fresh buffers; return the digest of its answer.

    Raises MeasurementError if the kernel's own check fails, UnavailableError if the implementation is not built.
    """
    found = kernels.availability(spec, impl)
    if not found.ok:
        raise UnavailableError(f"{spec.name}/{impl.name}: {found.reason}", "python setup.py build_ext --inplace")
    params = spec.sizes[size]
    placed = kernels.buffer_layout(spec, params)
    buffers = kernels.views(bytearray(placed[0]), placed)
    spec.make_inputs(params, buffers)
    kernels.poison(spec, params, buffers)
    spec.reset(params, buffers)
    function = kernels.resolve(spec.name, impl)
    bounds = chunk_bounds(spec.extent(params), _CHUNKS)
    partials = [function(phase, lo, hi, params, buffers) for phase in range(spec.phases(params)) for lo, hi in bounds]
    result = spec.combine(params, partials)
    complaint = spec.check(params, buffers, result)
    if complaint:
        raise MeasurementError(f"{spec.name}/{impl.name} at {size}: {complaint}")
    return kernels.answer_digest(spec, params, buffers, result)


def make_digests(spec: KernelSpec) -> Iterator[tuple[str, str]]:
    """Yield (size, digest) of all sizes; MeasurementError if the compiled implementation disagrees with the oracle."""
    oracle, compiled = spec.impl("py_loop"), spec.impl("cy_nogil")
    if compiled is None or compiled.unavailable:  # a kernel of Python objects (binary_trees) cannot release the GIL
        compiled = spec.impl("cy_gil")
    if oracle is None or compiled is None:
        raise MeasurementError(f"{spec.name}: needs py_loop and cy_nogil or cy_gil")
    for size in SIZES:
        digest = run_once(spec, compiled, size)
        if size in ("XS", "S") and digest != run_once(spec, oracle, size):
            raise MeasurementError(f"{spec.name} at {size}: {compiled.name} disagrees with py_loop")
        yield size, digest


def main(names: list[str]) -> None:
    """Write ``digests.json`` beside the spec of each kernel."""
    for name in names or KERNELS:
        spec = kernels.load(name)
        digests = dict(make_digests(spec))
        module = sys.modules[f"gilscope.kernels.{name}.spec"]
        path = Path(str(module.__file__)).with_name("digests.json")
        path.write_text(json.dumps(digests, indent=2) + "\n", encoding="ascii")
        sys.stdout.write(f"{name}: {', '.join(digests)}\n")
