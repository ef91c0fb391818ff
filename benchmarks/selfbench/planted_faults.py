"""Kernels with a fault of known size, brought in by the entry point ``gilscope.kernels`` as another package would.

All compute with the compiled ``spin`` loop, so what is not the fault costs the same everywhere.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from gilscope import kernels
from gilscope.kernels.spin import _cy as spin
from gilscope.spec import BufferSpec, Impl, KernelSpec

_SPIN = kernels.load("spin")
_DUTY = kernels.load("duty")
_ITEMS = 20_160
_STEPS = 300
_PAYLOAD_BYTES = 320 << 10  # per chunk; sent and never looked at


def uneven(phase: int, lo: int, hi: int, params: Any, buffers: Any) -> int:
    """Do half as much again in every other chunk: with static chunks, one of two workers has 1.5 times the work."""
    done: int = spin.cy_nogil(phase, lo, hi, params, buffers)
    if lo * params["chunks"] // params["items"] % 2:
        spin.cy_nogil(phase, lo, lo + (hi - lo) // 2, params, buffers)
    return done


def asleep(phase: int, lo: int, hi: int, params: Any, buffers: Any) -> int:
    """Sleep a third of the time just computed, but only in worker threads: a quarter of their time."""
    before = time.perf_counter()
    done: int = spin.cy_nogil(phase, lo, hi, params, buffers)
    now = time.perf_counter()
    if threading.current_thread() is not threading.main_thread():
        time.sleep((now - before) / 3)
    return done


def byte_code(phase: int, lo: int, hi: int, params: Any, buffers: Any) -> int:
    """Count in pure Python, the same for every item: both workers end together, so nothing but the GIL is lost."""
    rest = 0
    for step in range((hi - lo) * 500):
        rest ^= step
    return hi - lo


def _spinning(name: str, target: str, **changes: Any) -> KernelSpec:
    fields: dict[str, Any] = {
        "name": name,
        "kind": "kernel",
        "sizes": {"M": {"items": _ITEMS, "steps": _STEPS, "chunks": 8}},
        "impls": (Impl(name="cy_nogil", target=target, gil="released"),),
    }
    return replace(_SPIN, **(fields | changes))


_PLAIN = "gilscope.kernels.spin._cy:cy_nogil"
_HERE = "benchmarks.selfbench.planted_faults"

UNEVEN = _spinning("fault_uneven", f"{_HERE}:uneven")
ASLEEP = _spinning("fault_asleep", f"{_HERE}:asleep")
PLAIN = _spinning("fault_plain", _PLAIN)
BYTE_CODE = _spinning("fault_byte_code", "", impls=(Impl(name="py_loop", target=f"{_HERE}:byte_code", gil="held"),))
PAYLOAD = _spinning(
    "fault_payload",
    _PLAIN,
    layout=lambda params: (
        *_SPIN.layout(params),
        BufferSpec(name="payload", format="B", length=_PAYLOAD_BYTES, role="input"),
    ),
    reads=lambda params, phase, lo, hi: (("payload", 0, _PAYLOAD_BYTES),),
)
LONG_HOLD = replace(
    _DUTY,
    name="fault_long_hold",
    kind="kernel",
    sizes={"M": {"items": 8, "hold_us": 20_000, "release_us": 0, "cycles": 1}},
    impls=(Impl(name="cy_gil", target="gilscope.kernels.duty._cy:cy_gil", gil="held"),),
)


def _counters(name: str, probe: str) -> KernelSpec:
    spec = kernels.load(probe)
    [impl] = (impl for impl in spec.impls if impl.name == "cy_nogil")
    return replace(spec, name=name, kind="kernel", impls=(replace(impl, target=kernels.target(probe, impl)),))


PACKED = _counters("fault_packed", "counters")
PADDED = _counters("fault_padded", "counters_padded")

_KERNELS = (BYTE_CODE, UNEVEN, ASLEEP, PLAIN, PAYLOAD, LONG_HOLD, PACKED, PADDED)


def plant(folder: Path) -> Mapping[str, str]:
    """Make ``folder`` a place on the path that brings these kernels; return the environment for it."""
    info = folder / "planted_faults-1.0.dist-info"
    info.mkdir(parents=True)
    info.joinpath("METADATA").write_text("Metadata-Version: 2.1\nName: planted-faults\nVersion: 1.0\n")
    lines = [f"{spec.name} = {_HERE}:{spec.name.removeprefix('fault_').upper()}" for spec in _KERNELS]
    info.joinpath("entry_points.txt").write_text("[gilscope.kernels]\n" + "\n".join(lines) + "\n")
    root = Path(__file__).resolve().parents[2]
    return {"PYTHONPATH": f"{root}:{folder}"}
