"""Starting threads and processes for the programs of the tour, and judging what they wrote down."""

from __future__ import annotations

import multiprocessing
import sys
import threading
from collections.abc import Callable
from typing import Any

from gilscope.core import clocks
from gilscope.core.errors import UnavailableError
from gilscope.core.spec import Availability
from gilscope.core.trace import Recorder, Trace, duration
from gilscope.env.cpu import usable_cpus
from gilscope.env.interpreter import gil_enabled
from gilscope.tour._light import TIMEOUT_S, begin
from gilscope.tour._model import Figure, Verdict, overlap_ns

__all__ = [
    "ONE_AT_A_TIME",
    "TWO_AT_ONCE",
    "context",
    "judge_overlap",
    "judge_turns",
    "load",
    "named",
    "one_core_or_two",
    "python_name",
    "run_in_processes",
    "run_in_threads",
    "threads_run_together",
    "two_cpus",
]

TWO_AT_ONCE = 1.5
"""Threads able to run at a time, on average, from which two of them did not wait for each other: half-way."""
ONE_AT_A_TIME = 1.15
"""CPU time over wall time up to which two threads took turns: 1, and what they do outside the lock."""


def run_in_threads(log: Recorder, work: Callable[[Recorder, str], None], names: tuple[str, ...]) -> None:
    """Start a thread for each name, let them begin together, and wait for all."""
    together = threading.Barrier(len(names))

    def begin_together(name: str) -> None:
        together.wait(TIMEOUT_S)
        work(log, name)

    threads = [threading.Thread(target=begin_together, args=(name,), name=name) for name in names]
    for thread, name in zip(threads, names, strict=True):
        log.tell("main", name, "start")
        thread.start()
    with log.span("main", "join", "wait"):
        for thread in threads:
            thread.join()


def context() -> Any:
    """Return how processes are started here: by a server that is forked, where there is one."""
    known = multiprocessing.get_all_start_methods()
    return multiprocessing.get_context("forkserver" if "forkserver" in known else "spawn")


def run_in_processes(log: Recorder, work: Callable[..., None], names: tuple[str, ...], *more: Any) -> list[int | None]:
    """Start a process for each name, let them begin together, wait for all, return their exit codes."""
    started = context()
    together = started.Barrier(len(names))
    processes = []
    for name in names:
        log.tell("main", name, "start")
        arguments = (work, log, name, clocks.wall_ns(), together, more)
        processes.append(started.Process(target=begin, args=arguments, name=name))
        processes[-1].start()
    with log.span("main", "join", "wait"):
        for process in processes:
            process.join(TIMEOUT_S)
            if process.is_alive():
                process.kill()
                process.join()
    return [process.exitcode for process in processes]


# Judging --------------------------------------------------------------------------------------------------------------


def two_cpus() -> Availability:
    """Experiments in which two do something at the same time."""
    if usable_cpus().count >= 2:
        return Availability(ok=True)
    return Availability(ok=False, reason="this process may use one CPU only", cure="give it two to see this")


def named(trace: Trace, name: str, least: int) -> tuple[Any, ...]:
    """Return the spans of a name.

    Raises
    ------
    UnavailableError
        If there are fewer than expected: a worker ended without a word.
    """
    found = trace.spans(name=name)
    if len(found) < least:
        raise UnavailableError(f"{least - len(found)} of {least} workers ended without a word")
    return found


def judge_turns(trace: Trace, facts: Any, *, name: str = "asleep") -> Verdict:
    """Two spans, one after the other."""
    first, second = named(trace, name, 2)
    wall = second.end_ns - first.start_ns
    both = sum(event.end_ns - event.start_ns for event in (first, second))
    return Verdict(
        holds=first.end_ns <= second.start_ns,
        seen=f"The second began {duration(second.start_ns - first.end_ns)} after the first had ended: it took "
        f"{duration(wall)} altogether.",
        figures=(Figure(name="wall", value=wall / 1e9, unit="s"), Figure(name=name, value=both / 1e9, unit="s")),
    )


def judge_overlap(trace: Trace, facts: Any, *, name: str = "asleep") -> Verdict:
    """Two spans at the same time."""
    spans = named(trace, name, 2)
    wall = max(e.end_ns for e in spans) - min(e.start_ns for e in spans)
    both, shared = sum(e.end_ns - e.start_ns for e in spans), overlap_ns(spans)
    return Verdict(
        holds=shared > 0 and wall < both,
        seen=f"For {duration(shared)} both were {name} at once: it took {duration(wall)} altogether, and would have "
        f"taken {duration(both)} one after the other.",
        figures=(
            Figure(name="wall", value=wall / 1e9, unit="s"),
            Figure(name=name, value=both / 1e9, unit="s"),
            Figure(name="at once", value=shared / 1e9, unit="s"),
        ),
    )


def load(trace: Trace, name: str = "counting", least: int = 2) -> tuple[float, float]:
    """Return CPU time over wall time, and how many were able to run at a time, over all spans of a name.

    The second is the sum of the shares of its own span during which each ran or queued for a CPU, so a busy machine
    does not change it; who waits for a lock does neither.
    """
    spans = named(trace, name, least)
    wall = max(e.end_ns for e in spans) - min(e.start_ns for e in spans)
    cpu = able = 0.0
    for span in spans:
        used = trace.facts.get(f"{span.lane} cpu_ns", 0)
        cpu += used
        able += (used + trace.facts.get(f"{span.lane} run_queue_ns", 0)) / max(1, span.end_ns - span.start_ns)
    return cpu / wall, able


def one_core_or_two(trace: Trace, *, together: bool, name: str = "counting", least: int = 2) -> Verdict:
    """Judge whether threads took turns on one core's worth of CPU, or were able to run at the same time."""
    cores, able = load(trace, name, least)
    spans = trace.spans(name=name)
    wall = max(e.end_ns for e in spans) - min(e.start_ns for e in spans)
    figures = (
        Figure(name="wall", value=wall / 1e9, unit="s"),
        Figure(name="cores used", value=cores),
        Figure(name="able to run at a time", value=able),
    )
    if together:
        needed = TWO_AT_ONCE * least / 2
        seen = f"{able:.2f} were running or queueing for a CPU at a time, and used {cores:.2f} cores: {duration(wall)}."
        return Verdict(holds=able >= needed and overlap_ns(spans) > 0, seen=seen, figures=figures)
    seen = f"Together they used {cores:.2f} cores: {duration(wall)}."
    return Verdict(holds=cores <= ONE_AT_A_TIME, seen=seen, figures=figures)


def threads_run_together() -> bool:
    """Whether Python threads of this interpreter run Python code at the same time."""
    return not gil_enabled()


def python_name() -> str:
    """Name this interpreter as sentences do: ``Python 3.13``."""
    return f"Python {sys.version_info.major}.{sys.version_info.minor}"
