"""Running an implementation the way executors do, on memory of its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from gilscope import kernels
from gilscope.core.registry import KERNELS, PROBES
from gilscope.core.spec import Impl, KernelSpec, Params, chunk_bounds

WORKERS = 2
GRID = [(name, impl) for name in (*KERNELS, *PROBES) for impl in kernels.load(name).impls if not impl.unavailable]
GRID_IDS = [f"{name}-{impl.name}" for name, impl in GRID]


def need(name: str, impl: Impl) -> None:
    """Skip the test where the implementation cannot be used, with the reason."""
    found = kernels.availability(kernels.load(name), impl)
    if not found.ok:
        pytest.skip(f"{name}/{impl.name}: {found.reason}")


def with_params(spec: KernelSpec, params: Params) -> KernelSpec:
    """Return the kernel with one more size, ``test``, that has no digest."""
    return replace(spec, sizes={**spec.sizes, "test": params})


class Workbench:
    """Inputs of one size of one kernel, on which implementations run one after the other."""

    def __init__(self, spec: KernelSpec, size: str) -> None:
        self.spec, self.size, self.params = spec, size, spec.sizes[size]
        placed = kernels.buffer_layout(spec, self.params)
        self.buffers = kernels.views(bytearray(placed[0]), placed)
        spec.make_inputs(self.params, self.buffers)

    def run(self, impl: Impl, bounds: Iterable[tuple[int, int]] | None = None, workers: int = WORKERS) -> Any:
        """Run one implementation on poisoned outputs; return its result."""
        spec, params, buffers = self.spec, self.params, self.buffers
        kernels.poison(spec, params, buffers)
        spec.reset(params, buffers)
        function = kernels.resolve(spec.name, impl)
        if impl.gil == "own_threads":
            return function(workers, params, buffers)
        bounds = tuple(chunk_bounds(spec.extent(params), 4)) if bounds is None else tuple(bounds)
        partials = []
        for phase in range(spec.phases(params)):
            done: Mapping[tuple[int, int], Any] = {b: function(phase, *b, params, buffers) for b in bounds}
            partials += [done[b] for b in sorted(bounds)]
        return spec.combine(params, partials)

    def complaint(self, result: Any) -> str | None:
        """Return what is wrong with the answer, if anything."""
        return kernels.verify(self.spec, self.size, self.buffers, result)

    def digest(self, result: Any) -> str:
        """Return the digest of the answer."""
        return kernels.answer_digest(self.spec, self.params, self.buffers, result)
