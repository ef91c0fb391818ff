"""One traced run in a process of its own: ``python -m gilscope.studies.traced._run CONFIG``."""

import json
import multiprocessing
import os
import pickle
import sys
import threading
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from gilscope.core import clocks, typed
from gilscope.core.errors import UnavailableError
from gilscope.core.trace import GIL_LANE, Recorder
from gilscope.studies.traced import TracedRun, _worker

_HOLDS = 20_000
_HZ = 2000.0


def _watch(log: Recorder, exact: bool) -> AbstractContextManager[Any]:
    """Return what watches the GIL; why there is nothing becomes a note of the run."""
    from gilscope.telemetry.gil import GilMonitor, probe_availability
    from gilscope.telemetry.holders import GilTrace, trace_availability

    found = trace_availability() if exact else probe_availability()
    if not found.ok:
        log.fact("note", f"no lane of the GIL: {found.reason}")
        return nullcontext()
    return GilTrace() if exact else GilMonitor(_HZ, keep_holds=_HOLDS)


def _write_holds(log: Recorder, watcher: Any) -> None:
    """Record the holds once all is over, because writing releases the GIL."""
    if watcher is None:
        return
    exact = hasattr(watcher, "events")
    for hold in watcher.events if exact else watcher.holds_kept:
        name = "main" if hold.name == "MainThread" else hold.name
        log.did(GIL_LANE, name, hold.start_ns, hold.end_ns, "gil")
    sampled = f"the GIL was looked at {_HZ:.0f} times a second: shorter holds may be missing"
    log.fact("note", "; ".join(watcher.notes) if exact else sampled)


def _serial(log: Recorder, run: TracedRun) -> None:
    _worker.attempt(log, lambda: _worker.work(log, "main", run.text, range(run.calls), lambda: None), lambda: None)


def _parts(run: TracedRun) -> dict[str, list[int]]:
    """Return the calls of each worker by lane: call c to worker c mod p."""
    return {f"worker-{index}": list(range(index, run.calls, run.workers)) for index in range(run.workers)}


def _threads(log: Recorder, run: TracedRun) -> None:
    parts = _parts(run)
    barrier = threading.Barrier(len(parts))

    def body(lane: str, indices: list[int], started_ns: int) -> None:
        log.did(lane, "start", started_ns, clocks.wall_ns(), "start")

        def do() -> None:
            _worker.work(log, lane, run.text, indices, lambda: barrier.wait(_worker.PATIENCE_S))
            log.tell(lane, "main", "done")

        _worker.attempt(log, do, barrier.abort)

    threads = []
    for lane, indices in parts.items():
        log.tell("main", lane, "start")
        threads.append(threading.Thread(target=body, args=(lane, indices, clocks.wall_ns()), name=lane))
        threads[-1].start()
    with log.span("main", "join", "wait"):
        for thread in threads:
            thread.join()


def _processes(log: Recorder, run: TracedRun) -> None:
    known = multiprocessing.get_all_start_methods()
    context: Any = multiprocessing.get_context("forkserver" if "forkserver" in known else "spawn")
    parts = _parts(run)
    barrier = context.Barrier(len(parts))
    connections = []
    for lane in parts:
        ours, theirs = context.Pipe()
        log.tell("main", lane, "start")
        context.Process(target=_worker.in_process, args=(log, lane, clocks.wall_ns(), theirs, barrier)).start()
        theirs.close()
        connections.append(ours)
    with log.span("main", "send the work", "send"):
        for connection, indices in zip(connections, parts.values(), strict=True):
            connection.send((run.text, indices))
    for connection, lane in zip(connections, parts, strict=True):
        with log.span("main", f"wait for {lane}", "wait"):
            try:
                data = connection.recv_bytes()
            except EOFError:  # it has recorded why, or died
                log.fact("ended", f"{lane} ended without an answer")
                continue
        with log.span("main", "unpickle the results", "unpickle"):
            pickle.loads(data)  # from our own worker


_CODE = """\
import sys; sys.path[:] = {path!r}
from gilscope.studies.traced import TracedRun, _worker
_worker.in_interpreter({log!r}, {lane!r}, {text!r}, {indices!r}, {started_ns}, {there}, {go})
"""


def _interpreters(log: Recorder, run: TracedRun) -> None:
    from gilscope.studies.traced._subinterpreters import run_codes

    parts = _parts(run)

    def code_of(lane: str, facts: dict[str, int]) -> str:
        return _CODE.format(path=sys.path, log=log.path, text=run.text, lane=lane, indices=parts[lane], **facts)

    run_codes(log, list(parts), code_of)


def _dask(log: Recorder, run: TracedRun) -> None:
    from gilscope.executors._dask_cluster import Cluster

    begun = clocks.wall_ns()
    cluster = Cluster("", run.workers)
    try:
        ready, lanes = clocks.wall_ns(), {address: f"worker-{n}" for n, address in enumerate(cluster.workers)}
        for lane in lanes.values():
            log.did(lane, "start of the cluster", begun, ready, "start")
        futures = []
        with log.span("main", "submit the calls", "send"):
            for index in range(run.calls):
                address, lane = list(lanes.items())[index % len(lanes)]
                log.tell("main", lane, f"call {index}")
                arguments = (log.path, lane, run.text, index)
                futures.append(cluster.client.submit(_worker.in_task, *arguments, workers=[address], pure=False))
        with log.span("main", "gather the results", "wait"):
            cluster.client.gather(futures)
    finally:
        cluster.close()


_WAYS = {"serial": _serial, "threads": _threads, "processes": _processes, "interpreters": _interpreters, "dask": _dask}


def main() -> None:
    """Carry out the run in the first argument; what goes wrong is recorded."""
    run = typed.read(TracedRun, json.loads(sys.argv[1]))
    log = Recorder(run.log)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what the user's code prints is not wanted here
    try:
        watched = run.executor in ("serial", "threads")
        with _watch(log, run.exact) if watched else nullcontext() as watcher:
            _WAYS[run.executor](log, run)
        _write_holds(log, watcher)
    except UnavailableError as error:
        log.fact("problem", str(error))
    except Exception as error:  # noqa: BLE001 - whatever the user's function raises is reported in one line
        log.fact("problem", f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    main()
