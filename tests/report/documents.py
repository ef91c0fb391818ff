"""Analysis documents made by hand, with figures a test can state."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gilscope.cases import Case

CPUS = 2


def estimate(value: float, half_width: float = 0.01, *, blocks: int = 12) -> dict[str, Any]:
    """Return an estimate with a symmetric interval; ``half_width`` is relative."""
    low, high = value * (1 - half_width), value * (1 + half_width)
    confidence = 1 - 2.0 ** (1 - blocks) if blocks < 6 else 0.961
    return {"value": value, "low": low, "high": high, "confidence": confidence, "blocks": blocks}


def row(
    case: str,
    *,
    rate: float = 1e8,
    speedup: float | None = None,
    half_width: float = 0.01,
    blocks: int = 12,
    status: str = "ok",
    reason: str = "",
    fastest: float = 3.6e8,
    **more: Any,
) -> dict[str, Any]:
    """Return the row of a case as ``gilscope.analysis`` has it."""
    parsed = Case.parse(case)
    ok = status == "ok"
    own = parsed.executor == "serial" or (parsed.executor == "native" and parsed.workers == 1)
    gain = None if own or not ok else estimate(speedup or 1.0, half_width, blocks=blocks)
    return {
        "case": case,
        "kernel": parsed.kernel,
        "implementation": parsed.implementation,
        "executor": parsed.executor,
        "start_method": parsed.start_method,
        "transport": parsed.transport,
        "scaling": parsed.scaling,
        "schedule": parsed.schedule,
        "workers": parsed.workers,
        "size": parsed.size,
        "chunks_per_worker": parsed.chunks_per_worker,
        "interpreter": "3.11",
        "status": status,
        "reason": reason,
        "cure": "",
        "detail": "",
        "blocks": blocks if ok else 0,
        "wall_s": estimate(0.2, half_width, blocks=blocks) if ok else None,
        "rate": {**estimate(rate, half_width, blocks=blocks), "unit": "iterations"} if ok else None,
        "speedup": gain,
        "efficiency": gain and estimate(gain["value"] / parsed.workers, half_width, blocks=blocks),
        "relative_efficiency": gain and estimate(gain["value"] / (0.97 * parsed.workers), half_width, blocks=blocks),
        "one_time_s": {},
        "placed": [],
        "vs_fastest_serial": estimate(rate / fastest, half_width, blocks=blocks) if ok else None,
        "over_subscribed": parsed.workers > CPUS,
        "repeats": 1,
        "isa": "",
        "gil": {
            "available": False,
            "reason": "not sampled",
            "cure": "",
            "enabled": True,
            "held": None,
            "waiting": None,
            "handovers_per_s": None,
            "slow_down": None,
        },
        "losses": None,
        "ceiling": None,
        "jit_cache": "none",
        "findings": [],
        **more,
    }


def control(
    kernel: str, workers: int, value: float, *, of: str = "mandelbrot", half_width: float = 0.01
) -> dict[str, Any]:
    """Return the row of a control."""
    executor = "serial" if kernel == "A/A" else f"threads*{workers}"
    made = row(f"spin/cy_nogil@{executor}#M", rate=1e9, speedup=value, half_width=half_width)
    return {**made, "kernel": kernel, "of": of, "workers": workers, "speedup": estimate(value, half_width)}


def document(cases: Iterable[dict[str, Any]], controls: Iterable[dict[str, Any]] = (), **more: Any) -> dict[str, Any]:
    """Return an analysis document of two usable CPUs with a GIL."""
    rows = list(cases)
    return {
        "schema": "gilscope.analysis",
        "schema_version": 1,
        "result": "gilscope-results/20260101T000000Z/result.jsonl",
        "tool_version": "0.1.0",
        "study": {"precision": 0.05, "budget_s": 60.0},
        "environment": {
            "machine": {"system": "Linux", "architecture": "x86_64", "cpu_model": "A CPU"},
            "cpus": {"count": CPUS, "limit": "machine", "detail": "the machine has 2 logical CPUs"},
            "interpreter": {"implementation": "CPython", "version": "3.11.7", "gil_enabled": True, "label": "3.11"},
            "checks": [],
        },
        "cases": rows,
        "controls": list(controls),
        "kernels": [_study(kernel, rows) for kernel in dict.fromkeys(row["kernel"] for row in rows)],
        "not_analysed": {"gil": "not sampled", "losses": "not sampled", "findings": "not sampled"},
        "findings": [],
        "warnings": [],
        "interrupted": False,
        **more,
    }


def _study(kernel: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the entry of a kernel."""
    own = [row for row in rows if row["kernel"] == kernel and row["rate"]]
    gains = [row["speedup"] for row in own if row["speedup"]]
    widths = [(gain["high"] - gain["low"]) / (2 * gain["value"]) for gain in gains]
    enough = gains and min(gain["confidence"] for gain in gains) >= 0.95
    single = [row for row in own if row["executor"] == "serial"]
    return {
        "kernel": kernel,
        "blocks": max((row["blocks"] for row in own), default=0),
        "precision_reached": max(widths) if enough else None,
        "target": 0.05,
        "target_met": bool(enough and max(widths) <= 0.05),
        "fastest_serial": max(single, key=lambda row: row["rate"]["value"])["case"] if single else None,
        "in_rounds_s": 20.0,
    }


def mandelbrot(**more: Any) -> dict[str, Any]:
    """Return what two quiet CPUs typically give for one kernel."""
    cases = [
        row("mandelbrot/py_loop@serial#S", rate=1.6e7),
        row("mandelbrot/py_loop@threads*2#S", rate=1.57e7, speedup=0.98),
        row("mandelbrot/py_loop@processes*2#S", rate=3.0e7, speedup=1.86, one_time_s={"start": 0.31}),
        row("mandelbrot/cy_nogil@serial#M", rate=3.6e8),
        row("mandelbrot/cy_nogil@serial#M~c8", rate=3.6e8),
        row("mandelbrot/cy_nogil@threads*2#M", rate=6.9e8, speedup=1.92),
        row("mandelbrot/cy_nogil@processes*2#M", rate=6.8e8, speedup=1.90),
        row("mandelbrot/cy_prange@native*1#M", rate=3.6e8),
        row("mandelbrot/cy_prange@native*2#M", rate=7.3e8, speedup=1.93),
        row(
            "mandelbrot/nb_nogil@serial#M",
            status="unavailable",
            reason="numba is not installed",
            cure="Install it with: pip install 'gilscope[numba]'",
        ),
    ]
    return document(cases, [control("spin", 2, 1.94), control("A/A", 1, 1.0)], **more)
