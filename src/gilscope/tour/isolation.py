"""Chapter: what a crash takes with it."""

from __future__ import annotations

import ctypes
import faulthandler
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from typing import Any

from gilscope.core.trace import Recorder, Trace
from gilscope.executors.processes import describe_exit
from gilscope.tour._light import TIMEOUT_S
from gilscope.tour._model import Chapter, Experiment, Figure, Judgement
from gilscope.tour._work import context

WORK_S = 0.05
settings = {"mode": "as the parent set it"}


def crash() -> None:
    """Read address 0, as a bug in C code does."""
    with suppress(ImportError, ValueError):  # then it may leave a core file behind
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    faulthandler.disable()  # the traceback of a crash on purpose helps nobody
    ctypes.string_at(0)


def job(log: Recorder, me: str, crashes: bool) -> None:
    """Do a worker's work, or die in the middle of it."""
    with log.span(me, "work"):
        if crashes:
            crash()
        time.sleep(WORK_S)
    log.tell(me, "main", "done")


def process(log: Recorder) -> list[int | None]:
    """Start two workers of which one crashes, and a third to do its work again."""

    def start(me: str, crashes: bool) -> Any:
        process = context().Process(target=job, args=(log, me, crashes))
        log.tell("main", me, "work")
        process.start()
        return process

    first, second = start("worker1", True), start("worker2", False)
    first.join(TIMEOUT_S)
    log.tell("worker1", "main", describe_exit(first.exitcode))
    again = start("worker3", False)  # supervision: its work is done by another one
    for process in (second, again):
        process.join(TIMEOUT_S)
    return [process.exitcode for process in (first, second, again)]


def threads_of_a_sacrifice(log: Recorder) -> None:
    """Let two threads work of which one crashes; runs in a process that may die."""
    at_work = threading.Event()

    def long_job() -> None:
        with log.span("thread2", "work"):
            at_work.set()
            time.sleep(100 * WORK_S)
        log.tell("thread2", "main", "done")

    for name in ("thread1", "thread2"):
        log.tell("main", name, "work")
    threading.Thread(target=long_job).start()
    at_work.wait()
    job(log, "thread1", True)


def thread(log: Recorder) -> int:
    """Run the two threads in a process of their own, and see how it ends."""
    code = f"import {__name__} as here; here.threads_of_a_sacrifice(here.Recorder({log.path!r}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=TIMEOUT_S, check=False)
    log.tell("thread1", "main", f"the process {describe_exit(done.returncode)}")
    return done.returncode


def change(log: Recorder, connection: Any) -> None:
    """Change the module's settings, and show them."""
    with log.span("child", "change the settings"):
        settings["mode"] = "as the child changed it"
    connection.send(settings["mode"])


def memory(log: Recorder) -> list[str]:
    """Let a child change a global, and look at ours afterwards."""
    ours, theirs = context().Pipe()
    log.tell("main", "child", "start")
    child = context().Process(target=change, args=(log, theirs))
    child.start()
    changed = ours.recv()
    log.tell("child", "main", changed)
    child.join(TIMEOUT_S)
    return [changed, settings["mode"]]


def _finished(trace: Trace) -> set[str]:
    return {message.source for message in trace.messages if message.name == "done"}


def _judge_process(trace: Trace, result: Any) -> Judgement:
    crashed, *others = result
    done = _finished(trace)
    holds = crashed not in (0, None) and others == [0, 0] and done == {"worker2", "worker3"}
    end, parent = describe_exit(crashed), f"The parent (process {os.getpid()}) wrote this sentence."
    observed = f"worker1 {end}; done: {', '.join(sorted(done))}. {parent}"
    return Judgement(holds, observed, (Figure("exit of worker1", end), Figure("done", len(done))))


def _judge_thread(trace: Trace, result: Any) -> Judgement:
    done = _finished(trace)
    cut = sum("never ended" in event.name for event in trace.events)
    end = describe_exit(result)
    observed = f"The process {end}: of {cut} threads at work {len(done)} finished."
    figures = (Figure("exit", end), Figure("finished", len(done)))
    return Judgement(result != 0 and not done and cut == 2, observed, figures)


def _judge_memory(trace: Trace, result: Any) -> Judgement:
    in_child, in_parent = result
    observed = f"In the child it was {in_child!r}, in the parent still {in_parent!r}."
    return Judgement(in_child != in_parent, observed, (Figure("child", in_child), Figure("parent", in_parent)))


_SEGFAULT = "SIGSEGV" if hasattr(signal, "SIGSEGV") else "an access violation"

CHAPTER = Chapter(
    name="isolation",
    title="Isolation and fault tolerance",
    text="The operating system keeps processes apart: none can read or damage the memory of another, and when one dies "
    "the others go on. Threads have no such walls: they share the memory, and they share the end.",
    experiments=(
        Experiment(
            title="A process crashes",
            text=f"One of two workers reads address 0 and is ended by the system ({_SEGFAULT}). The parent sees how it "
            "ended, and gives its work to a new one.",
            shown=(crash, job),
            program=process,
            claim="The other worker finishes, the parent lives, and a new worker does the work of the dead one.",
            judge=_judge_process,
        ),
        Experiment(
            title="A thread crashes",
            text="The same crash in one of two threads, in a process that is sacrificed for it.",
            shown=(threads_of_a_sacrifice,),
            program=thread,
            claim="The whole process dies: the other thread does not finish.",
            judge=_judge_thread,
        ),
        Experiment(
            title="Memory is not shared",
            text="The child changes a global of the module in its own copy.",
            shown=(change,),
            program=memory,
            claim="The parent does not see the change.",
            judge=_judge_memory,
        ),
    ),
    remember="Put what may crash, leak or hang into a process of its own, watch it, and start it again. A bug in C "
    "code in a thread takes everything with it.",
)
