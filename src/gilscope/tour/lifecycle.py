"""Chapter: from creation to termination."""

from __future__ import annotations

import os
import signal
import statistics
import threading
import time
from typing import Any

from gilscope.core import clocks
from gilscope.core.spec import Availability
from gilscope.core.trace import Recorder, Trace, duration
from gilscope.env.interpreter import gil_enabled
from gilscope.tour._light import TIMEOUT_S
from gilscope.tour._model import Chapter, Experiment, Figure, Verdict
from gilscope.tour._states import GONE, STATES, process_state, states_available, thread_state
from gilscope.tour._work import context

__all__ = ["CHAPTER"]

RUNNING, SLEEPING, STOPPED, ZOMBIE = (STATES[letter] for letter in "RSTZ")
_PATIENCE_S = 10.0


def until(wanted: str, state: Any, *who: Any) -> str:
    """Look until the state is the wanted one, or patience ends; return the last one seen."""
    limit = time.monotonic() + _PATIENCE_S
    while (seen := state(*who)) != wanted and time.monotonic() < limit:
        time.sleep(0.001)
    return str(seen)


def life_of_a_thread(log: Recorder) -> list[str]:
    """Follow a thread from its creation to its end."""
    go, stop, seen = threading.Event(), threading.Event(), []

    def live() -> None:
        go.wait()  # blocked: it asks for something that is not there
        while not stop.is_set():  # running: it has all it needs
            pass

    thread = threading.Thread(target=live)
    with log.span("thread", "new", "state"):
        seen.append("new" if thread.ident is None else "started")
    log.tell("main", "thread", "start")
    thread.start()
    native_id = thread.native_id or 0
    with log.span("thread", "blocked", "state"):
        seen.append(until(SLEEPING, thread_state, native_id))
    log.tell("main", "thread", "set the event it waits for")
    go.set()
    with log.span("thread", "runnable or running", "state"):
        seen.append(until(RUNNING, thread_state, native_id))
    log.tell("main", "thread", "stop")
    stop.set()
    thread.join()
    with log.span("thread", "terminated", "state"):
        seen.append(until(GONE, thread_state, native_id))
    return seen


def _live(ready: Any) -> None:
    """Be a process that blocks, computes, and ends when asked to."""
    stop: list[int] = []
    signal.signal(signal.SIGTERM, lambda *_: stop.append(1))
    ready.recv()
    while not stop:
        pass


def life_of_a_process(log: Recorder) -> list[str]:
    """Follow a process from its creation until it is reaped."""
    ours, theirs = context().Pipe()
    process = context().Process(target=_live, args=(theirs,))
    seen = []
    with log.span("process", "new", "state"):
        seen.append("new" if process.pid is None else "started")
    log.tell("main", "process", "start")
    process.start()
    pid = process.pid or 0
    with log.span("process", "blocked", "state"):
        seen.append(until(SLEEPING, process_state, pid))
    log.tell("main", "process", "send what it waits for")
    ours.send("go")
    with log.span("process", "runnable or running", "state"):
        seen.append(until(RUNNING, process_state, pid))
    log.tell("main", "process", "SIGSTOP")
    os.kill(pid, signal.SIGSTOP)
    with log.span("process", "stopped", "state"):
        seen.append(until(STOPPED, process_state, pid))
    log.tell("main", "process", "SIGCONT, SIGTERM")
    os.kill(pid, signal.SIGCONT)
    os.kill(pid, signal.SIGTERM)
    process.join(TIMEOUT_S)
    with log.span("process", "terminated", "state"):
        seen.append(until(GONE, process_state, pid))
    return seen


def runnable_but_not_running(log: Recorder) -> dict[str, Any]:
    """Let two threads want the same lock-free time: the one that has to queue is runnable, not running."""
    facts: dict[str, int] = {}
    together = threading.Barrier(2)

    def spin(me: str) -> None:
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(threading.get_native_id(), {min(os.sched_getaffinity(0))})
        together.wait(TIMEOUT_S)
        stop = time.monotonic() + 0.2
        begun, cpu_ns, queued_ns = clocks.wall_ns(), clocks.thread_cpu_ns(), clocks.run_queue_ns()
        with log.span(me, "compute"):
            while time.monotonic() < stop:
                sum(range(1000))
        facts[f"{me} wall"] = clocks.wall_ns() - begun
        facts[f"{me} running"] = clocks.thread_cpu_ns() - cpu_ns
        facts[f"{me} runnable"] = (clocks.run_queue_ns() or 0) - (queued_ns or 0)
        log.tell(me, "main", "done")

    threads = [threading.Thread(target=spin, args=(name,)) for name in ("first", "second")]
    for thread, name in zip(threads, ("first", "second"), strict=True):
        log.tell("main", name, "start")
        thread.start()
    for thread in threads:
        thread.join()
    return facts


def nothing() -> None:
    """Do nothing: only the start and the end are of interest."""


def what_they_cost(log: Recorder) -> dict[str, list[int]]:
    """Start and join threads and processes that do nothing, one after the other."""
    spent: dict[str, list[int]] = {"thread": [], "process": []}
    for kind, make, times in (("thread", threading.Thread, 8), ("process", context().Process, 3)):
        for _ in range(times):
            begun = clocks.wall_ns()
            worker: Any = make(target=nothing)
            worker.start()
            worker.join()
            spent[kind].append(clocks.wall_ns() - begun)
            log.did(kind, "start and join", begun, begun + spent[kind][-1], "start")
    return spent


# Judging --------------------------------------------------------------------------------------------------------------

_THREAD_LIFE = ["new", SLEEPING, RUNNING, GONE]
_PROCESS_LIFE = ["new", SLEEPING, RUNNING, STOPPED, GONE]


def _judge_life(trace: Trace, facts: Any) -> Verdict:
    wanted = _THREAD_LIFE if len(facts) == len(_THREAD_LIFE) else _PROCESS_LIFE
    return Verdict(
        holds=facts == wanted,
        seen="Seen in this order: " + ", ".join(facts) + ".",
        figures=tuple(Figure(name=f"state {number}", value=state) for number, state in enumerate(facts, start=1)),
    )


def _share(facts: Any, what: str) -> float:
    spent, wall = (sum(facts[f"{me} {part}"] for me in ("first", "second")) for part in (what, "wall"))
    return float(spent / wall)


def _judge_runnable(trace: Trace, facts: Any) -> Verdict:
    running, runnable = _share(facts, "running"), _share(facts, "runnable")
    return Verdict(
        holds=running <= 0.6,
        seen=f"Of their time the two were running {running:.0%}, runnable but queueing {runnable:.0%}, and blocked "
        f"{max(0.0, 1 - running - runnable):.0%}.",
        figures=(
            Figure(name="running", value=running),
            Figure(name="runnable", value=runnable),
            Figure(name="blocked", value=max(0.0, 1 - running - runnable)),
        ),
    )


def _judge_costs(trace: Trace, facts: Any) -> Verdict:
    thread, process = (statistics.median(facts[kind]) for kind in ("thread", "process"))
    return Verdict(
        holds=thread < process,
        seen=f"A thread took {duration(thread)}, a process {duration(process)} ({context().get_start_method()}): "
        f"{process / thread:.0f} times as long.",
        figures=(
            Figure(name="thread", value=thread / 1e9, unit="s"),
            Figure(name="process", value=process / 1e9, unit="s"),
        ),
    )


def _one_cpu_can_be_chosen() -> Availability:
    if hasattr(os, "sched_setaffinity"):
        return Availability(ok=True)
    return Availability(ok=False, reason="this system cannot tie threads to a CPU", cure="use Linux")


_BLOCKED = (
    "With the GIL the loser of the race is blocked, waiting for the GIL; without it, it queues for the CPU."
    if gil_enabled()
    else "Both want the CPU all the time, so one of them queues."
)

CHAPTER = Chapter(
    name="lifecycle",
    title="From creation to termination",
    text="A thread or process is new until it is started, then runnable: it could run and queues for a CPU. A "
    "scheduler makes it running and takes the CPU away again. When it asks for something that is not there, a lock, "
    "data, a point in time, it is blocked until that comes. In the end it is terminated, and whoever joins it learns "
    "how.",
    experiments=(
        Experiment(
            name="thread",
            title="The life of a thread",
            text="The main thread looks up the state in which the operating system sees the other one.",
            program=life_of_a_thread,
            shown=(until,),
            order=("main", "thread"),
            claim="New, then blocked on an event, then running, then gone: in this order.",
            judge=_judge_life,
            available=states_available,
        ),
        Experiment(
            name="process",
            title="The life of a process",
            text="A process can also be stopped from outside, and goes on where it was when asked to.",
            program=life_of_a_process,
            shown=(_live,),
            order=("main", "process"),
            claim="New, blocked on a pipe, running, stopped by a signal, and gone after the join.",
            judge=_judge_life,
            available=states_available,
        ),
        Experiment(
            name="runnable",
            title="Runnable is not running",
            text=f"Two threads are tied to one CPU and compute. {_BLOCKED}",
            program=runnable_but_not_running,
            order=("main", "first", "second"),
            claim="On one CPU two threads are running for half of the time each, at most.",
            judge=_judge_runnable,
            available=_one_cpu_can_be_chosen,
        ),
        Experiment(
            name="costs",
            title="What a life costs",
            text="Start and join of one that does nothing: the least a thread or process can take.",
            program=what_they_cost,
            shown=(nothing,),
            order=("thread", "process"),
            claim="A thread is started and joined in less time than a process.",
            judge=_judge_costs,
        ),
    ),
    remember="Blocked costs no CPU; runnable means that CPUs are short. A thread costs microseconds, a process "
    "milliseconds, and both pay off only if they live longer than that: use pools.",
)
