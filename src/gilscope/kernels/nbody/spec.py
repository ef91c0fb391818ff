"""Gravity between all pairs of bodies: arithmetic with a barrier after each time step.

Positions are double-buffered: two planes of shape (3, n), axis by axis; step k reads plane k % 2 and writes the other.
"""

import math
from typing import Any

from gilscope.core.spec import Buffers, BufferSpec, KernelSpec, Params, Slice
from gilscope.kernels._inputs import fill_uniform, seed_of
from gilscope.kernels._parts import CYTHON, NO_NP_BLAS, NO_STD_C, NP_VEC, NUMBA, PY_LOOP, counted, read_digests

_NUMBER = 2
_FLOPS_PER_PAIR = 20  # 3 differences, 3 squares, 3 sums, root, 2 products, division, 3 products and 3 sums, m
_MOMENTUM_RTOL = 1e-9  # forces are antisymmetric up to rounding, so the momentum stays what it was: zero


def _layout(params: Params) -> tuple[BufferSpec, ...]:
    n = params["n"]
    return (
        BufferSpec(name="positions", format="d", length=6 * n, role="state"),
        BufferSpec(name="velocities", format="d", length=3 * n, role="state"),
        BufferSpec(name="masses", format="d", length=n, role="input"),
        BufferSpec(name="initial", format="d", length=3 * n, role="input"),
    )


def _make_inputs(params: Params, buffers: Buffers) -> None:
    fill_uniform(buffers["initial"], seed_of(_NUMBER, 0))
    fill_uniform(buffers["masses"], seed_of(_NUMBER, 2))


def _reset(params: Params, buffers: Buffers) -> None:
    n = params["n"]
    buffers["positions"][: 3 * n] = buffers["initial"]
    buffers["velocities"].cast("B")[:] = bytes(24 * n)


def _axes(name: str, start: int, n: int, lo: int, hi: int) -> tuple[Slice, ...]:
    return tuple((name, start + axis * n + lo, start + axis * n + hi) for axis in range(3))


def _reads(params: Params, phase: int, lo: int, hi: int) -> tuple[Slice, ...]:
    n = params["n"]
    plane = phase % 2 * 3 * n
    return (("positions", plane, plane + 3 * n), ("masses", 0, n), *_axes("velocities", 0, n, lo, hi))


def _writes(params: Params, phase: int, lo: int, hi: int) -> tuple[Slice, ...]:
    n = params["n"]
    plane = (phase + 1) % 2 * 3 * n
    return (*_axes("positions", plane, n, lo, hi), *_axes("velocities", 0, n, lo, hi))


def _outputs(params: Params) -> tuple[Slice, ...]:
    n = params["n"]
    plane = params["steps"] % 2 * 3 * n
    return (("positions", plane, plane + 3 * n), ("velocities", 0, 3 * n))


def _check(params: Params, buffers: Buffers, result: Any) -> str | None:
    n = params["n"]
    masses, velocities = buffers["masses"].tolist(), buffers["velocities"].tolist()
    for axis, name in enumerate("xyz"):
        momenta = [m * v for m, v in zip(masses, velocities[axis * n : (axis + 1) * n], strict=True)]
        change, scale = abs(math.fsum(momenta)), math.fsum(map(abs, momenta))
        if not change <= _MOMENTUM_RTOL * scale:
            return f"momentum along {name} changed by {change:.3g}, bodies carry {scale:.3g}"
    return None


KERNEL = KernelSpec(
    name="nbody",
    summary="gravity between all pairs of bodies",
    regime="compute, barrier each step",
    sizes={
        "XS": {"n": 16, "steps": 2},
        "S": {"n": 256, "steps": 8},
        "M": {"n": 2048, "steps": 5},
        "L": {"n": 4096, "steps": 10},
    },
    layout=_layout,
    make_inputs=_make_inputs,
    phases=lambda params: params["steps"],
    extent=lambda params: params["n"],
    reads=_reads,
    writes=_writes,
    reset=_reset,
    outputs=_outputs,
    check=_check,
    work=lambda params, result: counted(params["n"] ** 2 * params["steps"], "interactions", flops=_FLOPS_PER_PAIR),
    digests=read_digests(__file__),
    impls=(PY_LOOP, NP_VEC, NO_NP_BLAS, NO_STD_C, *CYTHON, *NUMBA),
)
