"""Studies, made by hand."""

from __future__ import annotations

from typing import Any

from gilscope.studies.ipc_rows import IpcDocument
from gilscope.studies.kinds import of_json
from gilscope.studies.metg import MetgDocument
from gilscope.studies.startup import StartupDocument


def document(study: str, *, rows: list[dict[str, Any]], **more: Any) -> Any:
    """Read a document that has these rows."""
    envelope = {"schema": "gilscope.study", "schema_version": 1, "study": study, "tool_version": "0.1.0"}
    facts = {"environment": {}, "asked": {}, "blocks": 9, "interrupted": False, "rows": rows}
    return of_json({**envelope, **facts, **more}, study)


def estimate(value: float, low: float | None = None, high: float | None = None, blocks: int = 9) -> dict[str, Any]:
    low = 0.9 * value if low is None else low
    return {"value": value, "low": low, "high": high or 1.1 * value, "confidence": 0.95, "blocks": blocks}


def row(label: str, executor: str = "", **more: Any) -> dict[str, Any]:
    base = {"label": label, "executor": executor or label, "start_method": ""}
    return {**base, "status": "ok", "reason": "", "cure": "", **more}


def metg_row(
    label: str, pattern: str, task_s: float | None, *, dispatch: str = "static", **more: Any
) -> dict[str, Any]:
    return row(
        label,
        implementation="cy_nogil",
        workers=2,
        dispatch=dispatch,
        pattern=pattern,
        tasks_per_worker=1 if pattern == "steps" else 16,
        metg_s=task_s and estimate(2 * task_s),
        task_s=task_s and estimate(task_s),
        relative_metg_s=task_s and estimate(1.9 * task_s),
        empty_task_s=task_s and estimate(task_s),
        **{"curve": [], **more},
    )


def metg(*, task_s: float | None = None, spin: float = 0.97, **more: Any) -> MetgDocument:
    smallest = {"steps": 16, **dict.fromkeys(("task_s", "granularity_s"), estimate(16e-9)), "efficiency": estimate(0.8)}
    rows = [
        metg_row("threads", "steps", 20e-6),
        metg_row("threads", "bag", 2e-6),
        metg_row("processes/forkserver", "steps", 270e-6),
        metg_row("processes/forkserver", "bag", 20e-6),
        metg_row("cy_prange", "steps", 1.5e-6, dispatch="own threads"),
        metg_row(
            "cy_prange", "bag", None, dispatch="own threads", status="below_sweep", reason="small", curve=[smallest]
        ),
        metg_row("ThreadPoolExecutor", "steps", None, dispatch="submit", status="not_reached", reason="too slow"),
        metg_row("ThreadPoolExecutor", "bag", 30e-6, dispatch="submit"),
        metg_row("loky", "steps", None, dispatch="submit", status="failed", reason="it broke"),
        metg_row("loky", "bag", None, dispatch="submit", status="failed", reason="it broke"),
        metg_row("dask", "steps", None, dispatch="submit", status="unavailable", reason="not here", cure="install it"),
        metg_row("dask", "bag", None, dispatch="submit", status="unavailable", reason="not here", cure="install it"),
    ]
    return document(
        "metg",
        asked={"workers": 2, "task_s": task_s},
        controls={"spin_efficiency": estimate(spin)},
        **{"rows": rows, **more},
    )


def startup(**more: Any) -> StartupDocument:
    times = {name: estimate(0.02) for name in ("import_s", "create_s", "join_s", "total_s", "again_s")}
    rows = [
        row("threads", workers=4, **times, pss_bytes=estimate(20480.0), pss_reason=""),
        row("processes/spawn", workers=4, **times, pss_bytes=None, pss_reason="only Linux tells"),
        row(
            "loky", workers=4, **dict.fromkeys(times), pss_bytes=None, pss_reason="", status="failed", reason="it broke"
        ),
        row(
            "dask",
            workers=4,
            **dict.fromkeys(times),
            pss_bytes=None,
            pss_reason="",
            status="unavailable",
            reason="not here",
            cure="install it",
        ),
    ]
    return document("startup", asked={"workers": 4}, rows=rows, **more)


def ipc(**more: Any) -> IpcDocument:
    def channel(name: str, label: str, kind: str, nbytes: int, **also: Any) -> dict[str, Any]:
        base = {"channel": name, "kind": kind, "bytes": nbytes, "seconds": estimate(10e-6)}
        bandwidth = estimate(nbytes / 10e-6) if kind == "transfer" else None
        return row(label, "processes", **{**base, "bandwidth_bytes_per_s": bandwidth, **also})

    left = {"seconds": None, "bandwidth_bytes_per_s": None, "status": "left_out", "cure": "give more with --budget"}
    absent = {**left, "status": "unavailable", "reason": "not on this Python", "cure": ""}
    stages = ("pickle", "start", "import", "transfer", "unpickle", "compute", "return", "tear_down")
    rows = [
        channel("pipe", "pipe", "latency", 1),
        channel("pipe", "pipe", "transfer", 1024),
        channel("pipe", "pipe", "transfer", 1 << 30, **left, reason="6 rounds of it do not fit into the budget"),
        channel("mp_queue", "mp.Queue", "latency", 1),
        channel(
            "mp_queue",
            "mp.Queue",
            "transfer",
            1 << 30,
            **left,
            reason="6 rounds of it do not fit into the budget",
        ),
        channel("signal", "signal", "latency", 0),
        {
            **channel("thread_queue", "queue.SimpleQueue", "transfer", 1024, bandwidth_bytes_per_s=None),
            "executor": "threads",
        },
        channel("interpreter_queue", "interpreters' queue", "latency", 1, **absent),
        row(
            "processes/spawn",
            "processes",
            kind="job",
            bytes=1 << 23,
            stages_s={stage: estimate(0.01) for stage in stages},
            total_s=estimate(0.08),
        )
        | {"start_method": "spawn"},
    ]
    notes = ["the receiving process was started by forkserver before"]
    return document("ipc", rows=rows, notes=notes, **more)
