"""The process that does the work: one per family of cases, driven by the supervisor over a socket.

Operations: ``prepare`` (import, bind, warm up, verify a case), ``isolate`` (the control of that name), ``round``
(lead-in, reset, timed or diagnostic round), ``examine`` (one of the user's own functions) and ``hand_over`` (what a
task costs beside its work).
"""

from __future__ import annotations

import json
import os
import platform
import resource
import sys
from collections.abc import Mapping
from dataclasses import asdict, replace
from functools import partial
from typing import Any

from gilscope import executors, kernels
from gilscope.core import pages, targets
from gilscope.core.cases import Case, Slot
from gilscope.core.errors import UnavailableError
from gilscope.core.memory import bound_memory, family_pss_bytes
from gilscope.core.records import Round
from gilscope.core.registry import is_engine
from gilscope.core.spec import Work
from gilscope.executors._rounds import Task
from gilscope.executors._shm import HAS_MEMFD, Segment
from gilscope.kernels import user
from gilscope.runner import examine
from gilscope.runner.serving import serve
from gilscope.telemetry.blame import kept_calls
from gilscope.telemetry.free_threading import gil_state
from gilscope.telemetry.gil import DIAGNOSTIC_RATE_HZ, GilMonitor
from gilscope.telemetry.hand_off import hand_off_prices
from gilscope.telemetry.roof import roofs
from gilscope.telemetry.turns import traced_turns

_MOST_FILES = 16_384
_HOLDS_KEPT = 200  # of the GIL, for the timeline: five times as many as two threads make by byte code in 200 ms


class _Runner:
    """Pools, sessions and segments of this process."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._max_workers, self._cpus = config["max_workers"], config["cpus"]
        self._places, self._starts = config["places"], config["starts"]
        # Of one executor.
        self._options: dict[str, dict[str, Any]] = {"dask": {"scheduler": config["dask_scheduler"]}}
        self._pools: dict[tuple[str, str], Any] = {}
        self._bound: dict[str, tuple[Any, Task]] = {}  # sessions and tasks, by key of the slot
        self._segments: dict[str, tuple[str, Segment]] = {}
        self._fresh: set[str] = set()
        self._bounded = False

    def handle(self, message: dict[str, Any], fds: list[int]) -> dict[str, Any]:
        """Do what a message requests."""
        self._adopt(message["segments"], fds)
        if message.get("own"):  # the user's own functions, before this process does anything else
            user.adopt(user.Request.from_config(message["own"]))
        if message.get("own") and not self._bounded:
            self._bounded = True
            bound_memory()
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # a reader of what they print would disturb the workers
        match message["op"]:
            case "prepare":
                return self._prepare(message["case"], message["segment"], message.get("private_bytes", 0))
            case "isolate":
                return self._isolate(message["case"], message["segment"])
            case "examine":
                return self._examine(message["case"])
            case "hand_over":
                least_s, most_s, more_s = examine.hand_over(Case.parse(message["case"]))
                return {"least_s": least_s, "most_s": most_s, "more_s": more_s}
            case "hand_off":
                return {"prices": [asdict(price) for price in hand_off_prices()]}
            case "roof":
                return {"roofs": [asdict(roof) for roof in roofs(message["counts"])]}
            case _:
                return self._round(message)

    def _adopt(self, segments: list[dict[str, Any]], fds: list[int]) -> None:
        """Take over the segments that came with a message."""
        for entry, fd in zip(segments, fds if HAS_MEMFD else [None] * len(segments), strict=True):
            self._segments[entry["key"]] = (entry["id"], Segment(entry["nbytes"], fd=fd, name=entry["name"]))
            if entry["fresh"]:
                self._fresh.add(entry["key"])

    def _prepare(self, case_id: str, segment_key: str, private_bytes: int) -> dict[str, Any]:
        """Make a case ready and verify its answer; with ``private_bytes`` in memory of this process alone."""
        case = Case.parse(case_id)
        segment_key = segment_key or self._own_segment(case, private_bytes)
        task = self._task(case, segment_key)
        session = self._pool(case.executor, case.start_method).bind(task)
        self._bound[case_id] = session, task
        for copy in task.copies:
            kernels.poison(copy.spec, copy.params, copy.buffers)
        _reset(task)
        first = session.run_round(1)
        results = session.results if case.copies > 1 else [session.result]
        checked = zip(task.copies, results, strict=True)
        problems = (kernels.verify(copy.spec, case.size, copy.buffers, result) for copy, result in checked)
        problem = next(filter(None, problems), None)
        return {
            **_prepared(session, first),
            "problem": problem,
            "one_time_ns": session.one_time_ns,
            "work": asdict(_work(task, session.result)) if problem is None else None,
            "placed": getattr(session, "placed", []),
            "pages": pages.kind(task.segment.map()),
            "pss_bytes": family_pss_bytes() if self._weighs(case) else None,
        }

    def _weighs(self, case: Case) -> bool:
        """Whether the memory of a case is of interest and known: which processes are of a foreign engine, is not."""
        return case.is_own and case.workers in (1, self._max_workers) and not is_engine(case.executor)

    def _own_segment(self, case: Case, nbytes: int) -> str:
        """Return the key of private memory that cases of the same kernel, size and copies share."""
        key = f"private:{case.kernel}#{case.size}*{case.copies}"
        if key not in self._segments:
            self._segments[key] = key, Segment(nbytes, private=True)
            self._fresh.add(key)
        return key

    def _isolate(self, case_id: str, segment_key: str) -> dict[str, Any]:
        """Make the ``isolated`` control of a case ready; its workers have parts of the answer, so none is verified."""
        case = Case.parse(case_id)
        task = self._task(case, segment_key)
        _reset(task)
        session = self._pool("processes", case.start_method).bind(task, isolated=True)
        self._bound[Slot(case=case, role="isolated").key] = session, task
        first = session.run_round(1)
        return {
            **_prepared(session, first),
            "problem": None,
            "one_time_ns": {},
            "work": None,
            "placed": [],
            "pages": "",
            "pss_bytes": None,
        }

    def _round(self, message: dict[str, Any]) -> dict[str, Any]:
        """Run the lead-in, restore the state, run the timed round; or a diagnostic one, watched by the GIL probe."""
        session, task = self._bound[message["key"]]
        run = partial(session.run_on, message["cpu"]) if message["cpu"] is not None else session.run_round
        if message["lead_repeats"]:
            run(message["lead_repeats"], message["lead_limit"])
        _reset(task)
        if not message["diagnose"]:
            return {"round": asdict(run(message["repeats"]))}
        with GilMonitor(DIAGNOSTIC_RATE_HZ, keep_holds=_HOLDS_KEPT, lines=True) as monitor:
            measured = session.run_round(message["repeats"])
        seen = monitor.report
        gil = replace(seen, stacks=None).to_dict()
        gil.pop("timeline", None)  # most of the text, and of no use for a moment
        if calls := kept_calls(seen.stacks):
            gil["calls"] = calls
        if gil["available"] and task.case.executor == "serial":
            gil |= self._turns(session, task, message["repeats"])
        kept = [(hold.name, hold.start_ns, hold.end_ns) for hold in monitor.holds_kept]
        return {"round": asdict(measured), "gil": gil | {"kept": kept}}

    def _turns(self, session: Any, task: Task, repeats: int) -> dict[str, Any]:
        """Run a round again and return every turn of one worker at the GIL, which predictions are made of."""
        _reset(task)
        measured, turns = traced_turns(lambda: session.run_round(repeats))
        busy = sum(stamp.cpu_ns for stamp in measured.stamps) / measured.wall_ns
        return {"turns_reason": turns} if isinstance(turns, str) else {"turns": {**asdict(turns), "busy": busy}}

    def _examine(self, case_id: str) -> dict[str, Any]:
        """Import one of the user's own functions and examine a call."""
        case = Case.parse(case_id)
        impl = kernels.load(case.kernel).impl(case.implementation, case.executor)
        assert impl is not None
        calls: Any = kernels.resolve(case.kernel, impl)  # itself, or wrapped in the one call of its own threads
        examined = examine.examine_faults if case.executor == "threads" else examine.examine
        return examined(getattr(calls, "calls", calls))

    def _task(self, case: Case, segment_key: str) -> Task:
        spec = kernels.load(case.kernel)
        params = spec.sizes[case.size]
        impl = spec.impl(case.implementation, case.executor)
        if impl is None:
            raise UnavailableError(f"{case.kernel} has no implementation {case.implementation}")
        layout = kernels.buffer_layout(spec, params)
        identity, segment = self._segments[segment_key]
        memory, copies = segment.map(), range(case.copies)
        buffers = [targets.views(memory, targets.shifted(layout, copy, case.copies)) for copy in copies]
        if segment_key in self._fresh:
            for copy in buffers:
                spec.make_inputs(params, copy)
            self._fresh.discard(segment_key)
        return Task(
            case=case,
            spec=spec,
            params=params,
            target=kernels.target(spec.name, impl),
            definition=impl.definition,
            layout=layout,
            segment=segment,
            segment_key=identity,
            buffers=buffers[0],
            others=tuple(buffers[1:]),
            places=self._places,
            starts=self._starts,
        )

    def _pool(self, executor: str, start_method: str) -> Any:
        key = (executor, start_method)
        if key not in self._pools:
            options = {"executor": executor} if is_engine(executor) else self._options.get(executor, {})
            self._pools[key] = executors.module_of(executor).open_pool(
                self._max_workers, self._cpus, start_method, **options
            )
        return self._pools[key]


def _reset(task: Task) -> None:
    for copy in task.copies:
        copy.spec.reset(copy.params, copy.buffers)


def _work(task: Task, result: Any) -> Work:
    """Count what one execution of the case does: the kernel's work, once per copy."""
    one, copies = task.spec.work(task.params, result), task.case.copies
    return Work(units=copies * one.units, unit=one.unit, flops=copies * one.flops, bytes=copies * one.bytes)


def _prepared(session: Any, first: Round) -> dict[str, Any]:
    """Return what the first round, with everything imported, shows of any case."""
    state = gil_state()
    return {
        "first_ns": first.wall_ns,
        "jit_cache": session.jit_cache,
        "isa": session.isa,
        "python": platform.python_version(),
        "gil_enabled": getattr(session, "gil_enabled", state.enabled),
        "gil_reason": state.reason,
    }


def _allow_files() -> None:
    """Raise the soft limit of open files: 256 workers need several each, and many systems begin with 1024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def main() -> None:
    """Serve the supervisor; the second argument is the configuration of this process."""
    config = json.loads(sys.argv[2])
    _allow_files()
    if config["memory_limit_bytes"]:
        bound_memory(config["memory_limit_bytes"])
    serve(_Runner(config).handle)
