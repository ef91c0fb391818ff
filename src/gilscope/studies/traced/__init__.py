"""A run of the user's own function in which every step of every worker is written down: for looking, not for timing.

Each executor runs in a process of its own, which is ended when it takes too long.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from gilscope.core.errors import MeasurementError
from gilscope.core.spec import Availability, Impl
from gilscope.core.trace import GIL_LANE, Event, Message, Recorder, Trace

__all__ = ["TRACED_EXECUTORS", "TracedRun", "trace_function"]

TRACED_EXECUTORS = ("serial", "threads", "processes", "interpreters", "dask")


@dataclass(frozen=True, slots=True, kw_only=True)
class TracedRun:
    """What a process that runs the function is asked for.

    Parameters
    ----------
    executor : str
    workers, calls : int
    exact : bool
        Record every hold of the GIL.
    text : str
        Definition of the function (``gilscope.kernels._calls``).
    log : str
        Path of the recorder's file.
    """

    executor: str
    workers: int
    calls: int
    exact: bool
    text: str
    log: str


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
    """Run a function under executors, one after the other, and return what happened in each.

    Parameters
    ----------
    definition : str
        See ``gilscope.kernels._calls``.
    executors : sequence of str
        Of ``TRACED_EXECUTORS``. With several, lanes have the executor's name as their group, and each run begins at 0.
    exact : bool
        Record every hold of the GIL, by a thread that keeps a CPU busy.

    Raises
    ------
    MeasurementError
        If the function ran nowhere; the message says why.
    """
    traces, problems = {}, {}
    for executor in executors:
        available = _availability(executor)
        if not available.ok:
            problems[executor] = f"{available.reason}; {available.cure}" if available.cure else available.reason
            continue
        run = TracedRun(executor=executor, workers=workers, calls=calls, exact=exact, text=definition, log="")
        found = _traced(run, timeout_s)
        if "problem" in found.facts:
            problems[executor] = str(found.facts["problem"])
        else:
            traces[executor] = found
    if not traces:
        raise MeasurementError("; ".join(f"{executor}: {why}" for executor, why in problems.items()))
    notes = tuple(f"{executor}: n/a, {why}" for executor, why in problems.items())
    return _together(title, traces, notes)


def _availability(executor: str) -> Availability:
    from gilscope import executors

    return executors.availability(executor, Impl(name="own", target="", gil="held"))


def _traced(run: TracedRun, timeout_s: float) -> Trace:
    with tempfile.TemporaryDirectory(prefix="gilscope-trace-") as folder:
        log = Recorder(os.path.join(folder, "events"))
        command = [sys.executable, "-m", "gilscope.studies.traced._run", json.dumps(asdict(replace(run, log=log.path)))]
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
            return trace
        last = stderr.strip().splitlines()[-1:] or [trace.facts.get("ended", "")]
        why = f"it ended with exit status {process.returncode}: {last[0]}"
        return replace(trace, facts={**trace.facts, "problem": trace.facts.get("ended") or why})


def _end(process: subprocess.Popen[str]) -> None:
    """End the run with everything it started."""
    if hasattr(os, "killpg"):
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass
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
            replace(event, lane=prefix + event.lane, start_ns=event.start_ns - origin, end_ns=event.end_ns - origin)
            for event in trace.events
        )
        messages += (
            replace(
                message,
                source=prefix + message.source,
                target=prefix + message.target,
                sent_ns=message.sent_ns - origin,
            )
            for message in trace.messages
        )
        if "note" in trace.facts:
            notes += (f"{executor}: {trace.facts['note']}",)
    if several:
        notes += ("the runs came one after the other; each is drawn from its own beginning",)
    return Trace(title=title, events=tuple(events), messages=tuple(messages), order=tuple(order), notes=notes)
