"""A run of the user's own function in which every step of every worker is recorded: for looking, not for timing.

Each executor runs in a process of its own, which is ended when it takes too long.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from gilscope.core.errors import MeasurementError
from gilscope.core.spec import Impl
from gilscope.core.trace import GIL_LANE, Event, Message, Recorder, Trace
from gilscope.executors import availability

__all__ = ["TRACED_EXECUTORS", "TracedRun", "trace_function"]

TRACED_EXECUTORS = ("serial", "threads", "processes", "interpreters", "dask")


@dataclass(frozen=True, slots=True, kw_only=True)
class TracedRun:
    """The configuration of a process that runs the function."""

    executor: str
    workers: int
    calls: int
    exact: bool  # record every hold of the GIL
    text: str  # definition of the function (gilscope.kernels._calls)
    log: str  # path of the recorder's file


def trace_function(
    definition: str,
    title: str,
    *,
    executors: Sequence[str],
    workers: int,
    calls: int,
    exact: bool = False,
    timeout_s: float = 60.0,
) -> Trace:
    """Run a function (``definition``: see ``gilscope.kernels._calls``) under executors; return what happened in each.

    With several, lanes have the executor's name as their group, and each run begins at 0. ``exact`` records every hold
    of the GIL, by a thread that keeps a CPU busy. Raises MeasurementError with the reasons if it ran nowhere.
    """
    traces, problems = {}, {}
    for executor in executors:
        available = availability(executor, Impl(name="own", target="", gil="held"))
        if not available.ok:
            problems[executor] = f"{available.reason}; {available.cure}" if available.cure else available.reason
            continue
        with tempfile.TemporaryDirectory(prefix="gilscope-trace-") as folder:
            log = os.path.join(folder, "events")
            run = TracedRun(executor=executor, workers=workers, calls=calls, exact=exact, text=definition, log=log)
            trace, problem = _traced(run, timeout_s)
        if problem:
            problems[executor] = problem
        else:
            traces[executor] = trace
    if not traces:
        raise MeasurementError("; ".join(f"{executor}: {why}" for executor, why in problems.items()))
    return _together(title, traces, tuple(f"{executor}: n/a, {why}" for executor, why in problems.items()))


def _traced(run: TracedRun, timeout_s: float) -> tuple[Trace, str]:
    """Carry out a run in a process of its own; return its trace, and what went wrong."""
    log = Recorder(run.log)
    command = [sys.executable, "-m", "gilscope.studies.traced._run", json.dumps(asdict(run))]
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        _, stderr = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        log.fact("problem", f"not done after {timeout_s:g} s; give it longer with --timeout, or less to do")
        stderr = ""
    finally:
        _end(process)
    trace = log.trace()
    if "problem" in trace.facts or not (process.returncode or "ended" in trace.facts):
        return trace, str(trace.facts.get("problem", ""))
    last = stderr.strip().splitlines()[-1:] or [""]
    return trace, str(trace.facts.get("ended") or f"it ended with exit status {process.returncode}: {last[0]}")


def _end(process: subprocess.Popen[str]) -> None:
    """End the run with everything it started."""
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.communicate()


def _together(title: str, traces: Mapping[str, Trace], notes: tuple[str, ...]) -> Trace:
    """Put runs below each other, each beginning at 0; a single one as it is."""
    several = len(traces) > 1
    events: list[Event] = []
    messages: list[Message] = []
    order: list[str] = []
    for executor, trace in traces.items():
        prefix, origin = f"{executor}/" if several else "", trace.start_ns
        order += [prefix + lane for lane in ("main", GIL_LANE)]
        order += [prefix + lane for lane in trace.lanes if lane.startswith("worker-")]
        events += (
            replace(one, lane=prefix + one.lane, start_ns=one.start_ns - origin, end_ns=one.end_ns - origin)
            for one in trace.events
        )
        messages += (
            replace(one, source=prefix + one.source, target=prefix + one.target, sent_ns=one.sent_ns - origin)
            for one in trace.messages
        )
        if "note" in trace.facts:
            notes += (f"{executor}: {trace.facts['note']}",)
    if several:
        notes += ("the runs came one after the other; each is drawn from its own beginning",)
    return Trace(title=title, events=tuple(events), messages=tuple(messages), order=tuple(order), notes=notes)
