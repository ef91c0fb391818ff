"""Chapter: from creation to termination."""

from __future__ import annotations

import os
import signal
import statistics
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from gilscope.core import clocks
from gilscope.core.errors import UnavailableError
from gilscope.core.trace import Recorder, Trace, duration
from gilscope.env.interpreter import gil_enabled
from gilscope.tour._light import TIMEOUT_S, metered
from gilscope.tour._model import Chapter, Experiment, Figure, Judgement, seconds, when
from gilscope.tour._work import context, named

RUNNING, SLEEPING, STOPPED, GONE = "running or runnable", "sleeping", "stopped", "gone"
_STATES = {  # man 5 proc, field 3 of stat
    "R": RUNNING,
    "S": SLEEPING,
    "D": "waiting for a device",
    "T": STOPPED,
    "t": STOPPED,
    "Z": "terminated, not yet joined",
    "X": "terminated",
    "I": "idle",
}
_PATIENCE_S = 10.0


def _state_in(path: str) -> str:
    """Return the state of a thread or process right now, by its stat file."""
    try:
        with open(path, "rb") as file:
            text = file.read()
    except (FileNotFoundError, ProcessLookupError):
        return GONE
    except OSError as error:
        raise UnavailableError(f"{path} cannot be read: {error.strerror}") from None
    letter = text.rpartition(b")")[2].split()[0].decode()  # the name in between may hold anything
    return _STATES.get(letter, letter)


def process_state(pid: int | None) -> str:
    """Return the state of a process as the operating system sees it."""
    return "new" if pid is None else _state_in(f"/proc/{pid}/stat")


def thread_state(native_id: int | None) -> str:
    """Return the state of a thread of this process as the operating system sees it."""
    return "new" if native_id is None else _state_in(f"/proc/self/task/{native_id}/stat")


def until(log: Recorder, lane: str, state_now: Callable[[], str], name: str, wanted: str) -> str:
    """Wait until the state is the wanted one, or patience ends; return the last one seen."""
    limit = time.monotonic() + _PATIENCE_S
    with log.span(lane, name, "state"):
        while (state := state_now()) != wanted and time.monotonic() < limit:
            time.sleep(0.001)
    return state


def thread(log: Recorder) -> list[str]:
    """Follow a thread from its creation to its end."""
    go, stop = threading.Event(), threading.Event()

    def live() -> None:
        go.wait()  # blocked: it asks for something that is not there
        while not stop.is_set():  # running: it has all it needs
            pass

    thread = threading.Thread(target=live)
    follow = partial(until, log, "thread", lambda: thread_state(thread.native_id))
    states = [follow("new", "new")]
    log.tell("main", "thread", "start")
    thread.start()
    states.append(follow("blocked", SLEEPING))
    log.tell("main", "thread", "set the event it waits for")
    go.set()
    states.append(follow("runnable or running", RUNNING))
    log.tell("main", "thread", "stop")
    stop.set()
    thread.join()
    states.append(follow("terminated", GONE))
    return states


def _live(ready: Any) -> None:
    """Be a process that blocks, computes, and ends when asked to."""
    stop: list[int] = []
    signal.signal(signal.SIGTERM, lambda *_: stop.append(1))
    ready.recv()
    while not stop:
        pass


def process(log: Recorder) -> list[str]:
    """Follow a process from its creation until it is reaped."""
    ours, theirs = context().Pipe()
    process = context().Process(target=_live, args=(theirs,))
    follow = partial(until, log, "process", lambda: process_state(process.pid))
    states = [follow("new", "new")]
    log.tell("main", "process", "start")
    process.start()
    states.append(follow("blocked", SLEEPING))
    log.tell("main", "process", "send what it waits for")
    ours.send("go")
    states.append(follow("runnable or running", RUNNING))
    log.tell("main", "process", "SIGSTOP")
    os.kill(process.pid, signal.SIGSTOP)
    states.append(follow("stopped", STOPPED))
    log.tell("main", "process", "SIGCONT, SIGTERM")
    os.kill(process.pid, signal.SIGCONT)
    os.kill(process.pid, signal.SIGTERM)
    process.join(TIMEOUT_S)
    states.append(follow("terminated", GONE))
    return states


def runnable(log: Recorder) -> None:
    """Let two threads want the same lock-free time: the one that has to queue is runnable, not running."""
    together = threading.Barrier(2)

    def spin(me: str) -> None:
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(threading.get_native_id(), {min(os.sched_getaffinity(0))})
        together.wait(TIMEOUT_S)
        stop = time.monotonic() + 0.2
        with metered(log, me, "compute"):
            while time.monotonic() < stop:
                sum(range(1000))
        log.tell(me, "main", "done")

    threads = [threading.Thread(target=spin, args=(name,), name=name) for name in ("first", "second")]
    for thread in threads:
        log.tell("main", thread.name, "start")
        thread.start()
    for thread in threads:
        thread.join()


def nothing() -> None:
    """Do nothing: only the start and the end are of interest."""


def costs(log: Recorder) -> dict[str, list[int]]:
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


def _judge_life(trace: Trace, result: Any) -> Judgement:
    lives = (["new", SLEEPING, RUNNING, GONE], ["new", SLEEPING, RUNNING, STOPPED, GONE])  # of a thread, a process
    figures = tuple(Figure(f"state {number}", state) for number, state in enumerate(result, start=1))
    return Judgement(result in lives, f"Seen in this order: {', '.join(result)}.", figures)


def _judge_runnable(trace: Trace, result: Any) -> Judgement:
    spans = named(trace, "compute", 2)
    wall = sum(e.end_ns - e.start_ns for e in spans)
    running = sum(trace.facts[f"{e.lane} cpu_ns"] for e in spans) / wall
    runnable = sum(trace.facts.get(f"{e.lane} run_queue_ns", 0) for e in spans) / wall
    blocked = max(0.0, 1 - running - runnable)
    observed = f"running {running:.0%}, runnable but queueing {runnable:.0%}, and blocked {blocked:.0%}"
    figures = (Figure("running", running), Figure("runnable", runnable), Figure("blocked", blocked))
    return Judgement(running <= 0.6, f"Of their time the two were {observed}.", figures)


def _judge_costs(trace: Trace, result: Any) -> Judgement:
    thread, process = (statistics.median(result[kind]) for kind in ("thread", "process"))
    times, method = f"{process / thread:.0f} times as long", context().get_start_method()
    observed = f"A thread took {duration(thread)}, a process {duration(process)} ({method}): {times}."
    return Judgement(thread < process, observed, (seconds("thread", thread), seconds("process", process)))


_CAN_PIN = hasattr(os, "sched_setaffinity")
_STATES_SHOWN = os.path.exists("/proc/self/task")
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
            title="The life of a thread",
            text="The main thread looks up the state in which the operating system sees the other one.",
            program=thread,
            shown=(until,),
            claim="New, then blocked on an event, then running, then gone: in this order.",
            judge=_judge_life,
            available=partial(when, _STATES_SHOWN, "this system does not show the states of threads", "use Linux"),
        ),
        Experiment(
            title="The life of a process",
            text="A process can also be stopped from outside, and goes on where it was when asked to.",
            program=process,
            shown=(_live,),
            claim="New, blocked on a pipe, running, stopped by a signal, and gone after the join.",
            judge=_judge_life,
            available=partial(when, _STATES_SHOWN, "this system does not show the states of threads", "use Linux"),
        ),
        Experiment(
            title="Runnable is not running",
            text=f"Two threads are tied to one CPU and compute. {_BLOCKED}",
            shown=(metered,),
            program=runnable,
            claim="On one CPU two threads are running for half of the time each, at most.",
            judge=_judge_runnable,
            available=partial(when, _CAN_PIN, "this system cannot tie threads to a CPU", "use Linux"),
        ),
        Experiment(
            title="What a life costs",
            text="Start and join of one that does nothing: the least a thread or process can take.",
            program=costs,
            shown=(nothing,),
            claim="A thread is started and joined in less time than a process.",
            judge=_judge_costs,
        ),
    ),
    remember="Blocked costs no CPU; runnable means that CPUs are short. A thread costs microseconds, a process "
    "milliseconds, and both pay off only if they live longer than that: use pools.",
)
