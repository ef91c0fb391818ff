"""Kernels with a fault of known size, brought in by the entry point ``gilscope.kernels`` as another package would.

All but the one that multiplies matrices compute with the compiled ``spin`` loop, so what is not the fault costs the
same everywhere.
"""

from __future__ import annotations

import fcntl
import functools
import os
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from gilscope import kernels
from gilscope.core.spec import BufferSpec, Impl, KernelSpec, Work
from gilscope.env import usable_cpus
from gilscope.kernels.spin import _cy as spin

_SPIN = kernels.load("spin")
_DUTY = kernels.load("duty")
_ITEMS = 20_160
_STEPS = 300
_PAYLOAD_BYTES = 640 << 10  # per chunk; sent and never looked at; about half of the time
_UNIT, _UNIT_STEPS = 315, 6_400  # 2 to 5 ms: waking up for a lock costs little of it
_POLL_STEPS = 12_800  # about 30 us between two tries, without the GIL
_ORDER = 1_024  # of the matrices; a product takes about 15 ms, so what threads cost each other is little of it

BUS_VARIABLE = "GILSCOPE_PLANTED_BUS"
"""Names the file that stands for the bus."""


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


def _in_units(phase: int, lo: int, hi: int, params: Any, buffers: Any, shared: Any) -> int:
    """Compute in units: a quarter of each alone, three quarters inside ``with shared:``."""
    for first in range(lo, hi, _UNIT):
        last = min(first + _UNIT, hi)
        middle = first + (last - first) // 4
        spin.cy_nogil(phase, first, middle, params, buffers)
        with shared:
            spin.cy_nogil(phase, middle, last, params, buffers)
    return hi - lo


def partly_held(phase: int, lo: int, hi: int, params: Any, buffers: Any) -> int:
    """Compute in units, the first part of each with the GIL held: so much that two threads gain what was asked.

    Unlike ``duty``, whose parts last so long by the clock whoever else has the CPU, the work is the same beside other
    programs.
    """
    for first in range(lo, hi, _UNIT):
        last = min(first + _UNIT, hi)
        middle = first + (last - first) * 100 // params["speedup_percent"]
        spin.cy_gil(phase, first, middle, params, buffers)
        spin.cy_nogil(phase, middle, last, params, buffers)
    return hi - lo


def in_phases(phase: int, lo: int, hi: int, params: Any, buffers: Any) -> int:
    """Compute, a part in each phase: everybody waits for everybody after each. Items count when they are done."""
    done: int = spin.cy_nogil(phase, lo, hi, params, buffers)
    return done if phase == params["phases"] - 1 else 0


_LOCK = threading.Lock()


def locked(phase: int, lo: int, hi: int, params: Any, buffers: Any) -> int:
    """Hold one lock for three quarters of the time."""
    return _in_units(phase, lo, hi, params, buffers, _LOCK)


class _Bus:
    """What only one worker of the machine can use at a time, copies in other processes too; who waits for it computes.

    Stands for a memory bus: a core that waits for its data is busy as far as any clock can tell.
    """

    def __init__(self, idle: Any) -> None:
        self._file = open(os.environ[BUS_VARIABLE], "rb")  # noqa: SIM115  (open as long as a chunk takes)
        self._idle = idle

    def __enter__(self) -> None:
        while True:
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self._idle()
            else:
                return

    def __exit__(self, *_: object) -> None:
        fcntl.flock(self._file, fcntl.LOCK_UN)

    def close(self) -> None:
        self._file.close()


def streaming(phase: int, lo: int, hi: int, params: Any, buffers: Any) -> int:
    """Use a bus for three quarters of the time, as a loop does that streams from memory."""
    short = {**params, "steps": _POLL_STEPS}
    bus = _Bus(functools.partial(spin.cy_nogil, phase, lo, lo + 1, short, buffers))
    try:
        return _in_units(phase, lo, hi, params, buffers, bus)
    finally:
        bus.close()


@functools.cache
def _matrix() -> Any:
    """Return the factor; let the BLAS have a thread for every CPU, as it does where nobody limits it."""
    import numpy as np
    import threadpoolctl

    threadpoolctl.threadpool_limits(usable_cpus().count, user_api="blas")
    return np.full((_ORDER, _ORDER), 1.0 / _ORDER)


def multiplying(phase: int, lo: int, hi: int, params: Any, buffers: Any) -> int:
    """Multiply matrices with a BLAS that uses all CPUs for each product."""
    factor = _matrix()
    for _ in range(lo, hi):
        factor @ factor
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
_IN_UNITS = {"M": {"items": _ITEMS, "steps": _UNIT_STEPS, "chunks": 8}}
LOCKED = _spinning("fault_locked", f"{_HERE}:locked", sizes=_IN_UNITS)
STREAMING = _spinning("fault_streaming", f"{_HERE}:streaming", sizes=_IN_UNITS)
BLAS = _spinning(
    "fault_blas",
    "",
    sizes={"M": {"items": 16, "steps": 1, "chunks": 8}},
    impls=(Impl(name="np_blas", target=f"{_HERE}:multiplying", gil="released", needs=("numpy",)),),
)
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


HELD_SPEEDUPS: Mapping[str, float] = {"fault_held_125": 1.25, "fault_held_150": 1.5, "fault_held_175": 1.75}
"""By kernel: what two threads gain. One that holds the GIL for a share of at least half of its work gains 1 / share,
because the GIL is then in use all the time (utilisation law: Denning & Buzen, The Operational Analysis of Queueing
Network Models, 1978); a per cent or two less, because at the end one thread has nobody to take turns with."""


def _held(name: str) -> KernelSpec:
    return _spinning(
        name,
        "",
        # Half of the others' work: T(1) is short enough to try CPUs with (``measure.pacing``).
        sizes={"M": {**_IN_UNITS["M"], "items": _ITEMS // 2, "speedup_percent": round(100 * HELD_SPEEDUPS[name])}},
        # Not "held", which means all of the time.
        impls=(Impl(name="cy_nogil", target=f"{_HERE}:partly_held", gil="released"),),
    )


HELD_125, HELD_150, HELD_175 = map(_held, HELD_SPEEDUPS)


BARRIERS = _spinning(
    "fault_barriers",
    f"{_HERE}:in_phases",
    sizes={"M": {"items": _ITEMS, "steps": 130, "phases": 20}},
    phases=lambda params: params["phases"],
    work=lambda params, result: Work(units=params["items"] * params["steps"] * params["phases"], unit="steps"),
)
"""About 3 ms a phase: what jacobi2d does, but for what its workers cost each other in caches and memory."""


def _counters(name: str, probe: str) -> KernelSpec:
    spec = kernels.load(probe)
    [impl] = (impl for impl in spec.impls if impl.name == "cy_nogil")
    return replace(spec, name=name, kind="kernel", impls=(replace(impl, target=kernels.target(probe, impl)),))


PACKED = _counters("fault_packed", "counters")
PADDED = _counters("fault_padded", "counters_padded")

_KERNELS = (
    BYTE_CODE,
    UNEVEN,
    ASLEEP,
    PLAIN,
    PAYLOAD,
    LONG_HOLD,
    PACKED,
    PADDED,
    LOCKED,
    STREAMING,
    BLAS,
    HELD_125,
    HELD_150,
    HELD_175,
    BARRIERS,
)


def plant(folder: Path) -> Mapping[str, str]:
    """Make ``folder`` a place on the path that brings these kernels; return the environment for it."""
    info = folder / "planted_faults-1.0.dist-info"
    info.mkdir(parents=True)
    info.joinpath("METADATA").write_text("Metadata-Version: 2.1\nName: planted-faults\nVersion: 1.0\n")
    lines = [f"{spec.name} = {_HERE}:{spec.name.removeprefix('fault_').upper()}" for spec in _KERNELS]
    info.joinpath("entry_points.txt").write_text("[gilscope.kernels]\n" + "\n".join(lines) + "\n")
    bus = folder / "bus"
    bus.touch()
    root = Path(__file__).resolve().parents[2]
    path = [str(root), str(folder), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {"PYTHONPATH": os.pathsep.join(path), BUS_VARIABLE: str(bus)}
