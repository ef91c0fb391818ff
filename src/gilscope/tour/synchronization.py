"""Chapter: threads that share something."""

from __future__ import annotations

import queue
import sys
import threading
import time
from typing import Any

from gilscope.core.trace import Recorder, Trace, duration
from gilscope.tour import _deadlock, _prices
from gilscope.tour._model import Chapter, Experiment, Figure, Verdict, at_once
from gilscope.tour._work import named, run_in_threads

__all__ = ["CHAPTER"]

INCREMENTS = 100_000
STEP_S = 0.02


def plus_one(number: int) -> int:
    """Add one: a call, during which the interpreter may switch to another thread."""
    return number + 1


def lost_update(log: Recorder) -> int:
    """Let two threads increment a counter: read, add, write back."""
    counter = [0]

    def increment(log: Recorder, me: str) -> None:
        with log.span(me, "incrementing"):
            for _ in range(INCREMENTS):
                counter[0] = plus_one(counter[0])
        log.tell(me, "main", "done")

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)  # 5 ms by default: the same happens then, but more rarely
    try:
        run_in_threads(log, increment, ("first", "second"))
    finally:
        sys.setswitchinterval(before)
    return counter[0]


def mutex(log: Recorder) -> int:
    """Let two threads increment a counter, one at a time."""
    counter, lock = [0], threading.Lock()

    def increment(log: Recorder, me: str) -> None:
        for _ in range(3):
            with log.span(me, "wait for the lock", "wait"):
                lock.acquire()
            with log.span(me, "inside"):
                counter[0] = plus_one(counter[0])
                time.sleep(STEP_S / 4)
            lock.release()
        log.tell(me, "main", "done")

    run_in_threads(log, increment, ("first", "second"))
    return counter[0]


def rlock(log: Recorder) -> dict[str, bool]:
    """Take a lock twice in the same thread: a plain one, and one that knows its owner."""
    got = {}
    for lane, lock in (("Lock", threading.Lock()), ("RLock", threading.RLock())):
        with log.span("main", f"take the {lane} once"):
            lock.acquire()
        with log.span("main", f"take the {lane} again", "wait"):
            got[lane] = lock.acquire(timeout=STEP_S)
        if got[lane]:
            lock.release()
        lock.release()
    return got


def semaphore(log: Recorder) -> None:
    """Let four threads in, two at a time."""
    gate = threading.Semaphore(2)

    def enter(log: Recorder, me: str) -> None:
        with log.span(me, "wait for the gate", "wait"):
            gate.acquire()
        with log.span(me, "inside"):
            time.sleep(STEP_S)
        gate.release()

    run_in_threads(log, enter, ("first", "second", "third", "fourth"))


def condition(log: Recorder) -> None:
    """Let one thread wait until another one has made what it needs."""
    changed = threading.Condition()
    shelf: list[str] = []

    def consume(log: Recorder, me: str) -> None:
        with changed, log.span(me, "wait", "wait"):
            changed.wait_for(lambda: shelf)
        with log.span(me, "take"):
            shelf.pop()

    consumer = threading.Thread(target=consume, args=(log, "consumer"))
    log.tell("main", "consumer", "start")
    consumer.start()
    with log.span("main", "make"):
        time.sleep(STEP_S)
    with changed:
        shelf.append("something")
        log.tell("main", "consumer", "notify")
        changed.notify()
    consumer.join()


def event(log: Recorder) -> None:
    """Let two threads wait for one signal."""
    ready = threading.Event()

    def await_it(log: Recorder, me: str) -> None:
        with log.span(me, "wait", "wait"):
            ready.wait()
        log.tell(me, "main", "go on")

    threads = [threading.Thread(target=await_it, args=(log, name)) for name in ("first", "second")]
    for thread in threads:
        thread.start()
    with log.span("main", "prepare"):
        time.sleep(STEP_S)
    log.fact("set_ns", time.perf_counter_ns())
    ready.set()
    for thread in threads:
        thread.join()


def barrier(log: Recorder) -> None:
    """Let three threads of different speed meet."""
    meeting = threading.Barrier(3)

    def walk(log: Recorder, me: str) -> None:
        with log.span(me, "walk"):
            time.sleep(STEP_S * len(me) / 4)
        with log.span(me, "wait for the others", "barrier"):
            meeting.wait()

    run_in_threads(log, walk, ("fast", "slower", "slowest"))


def producer_and_consumer(log: Recorder) -> list[int]:
    """Hand items over through a queue that holds two."""
    belt: queue.Queue[int | None] = queue.Queue(maxsize=2)
    taken: list[int] = []

    def consume(log: Recorder, me: str) -> None:
        while (item := belt.get()) is not None:
            with log.span(me, f"use {item}"):
                time.sleep(STEP_S / 2)
                taken.append(item)

    consumer = threading.Thread(target=consume, args=(log, "consumer"))
    consumer.start()
    for item in (*range(5), None):
        with log.span("main", "put" if item is None else f"put {item}", "wait"):
            belt.put(item)
    consumer.join()
    return taken


# Judging --------------------------------------------------------------------------------------------------------------


def _judge_lost(trace: Trace, facts: Any) -> Verdict:
    asked = 2 * INCREMENTS
    return Verdict(
        holds=facts < asked,
        seen=f"Of {asked} increments {facts} arrived: {asked - facts} were lost.",
        figures=(Figure(name="increments", value=asked), Figure(name="lost", value=asked - facts)),
    )


def most_inside(trace: Trace, name: str = "inside") -> int:
    """Return the largest number of spans of a name that went on at once."""
    return max(depth for _, depth in at_once(trace.spans(name=name)))


def _judge_mutex(trace: Trace, facts: Any) -> Verdict:
    most = most_inside(trace)
    waited = sum(e.end_ns - e.start_ns for e in trace.spans(name="wait for the lock"))
    return Verdict(
        holds=most == 1 and facts == 6,
        seen=f"Never more than {most} inside, and all {facts} increments arrived. They waited {duration(waited)}.",
        figures=(Figure(name="most inside at once", value=most), Figure(name="waited", value=waited / 1e9, unit="s")),
    )


def _judge_rlock(trace: Trace, facts: Any) -> Verdict:
    again = {name: "got it" if got else "would have waited for ever" for name, got in facts.items()}
    return Verdict(
        holds=facts == {"Lock": False, "RLock": True},
        seen=f"The second time, the Lock: {again['Lock']}; the RLock: {again['RLock']}.",
        figures=tuple(Figure(name=f"{name}, second time", value=value) for name, value in again.items()),
    )


def _judge_semaphore(trace: Trace, facts: Any) -> Verdict:
    most, entered = most_inside(trace), len(named(trace, "inside", 4))
    return Verdict(
        holds=most == 2 and entered == 4,
        seen=f"{entered} entered, at most {most} at once.",
        figures=(Figure(name="most inside at once", value=most),),
    )


def _judge_condition(trace: Trace, facts: Any) -> Verdict:
    (wait,), (take,) = named(trace, "wait", 1), named(trace, "take", 1)
    notified = next(m.sent_ns for m in trace.messages if m.name == "notify")
    return Verdict(
        holds=wait.start_ns < notified < wait.end_ns <= take.start_ns,
        seen=f"It waited {duration(wait.end_ns - wait.start_ns)} and went on {duration(wait.end_ns - notified)} after "
        "it was notified.",
        figures=(Figure(name="woken after", value=(wait.end_ns - notified) / 1e9, unit="s"),),
    )


def _judge_event(trace: Trace, facts: Any) -> Verdict:
    waits, moment = named(trace, "wait", 2), trace.facts["set_ns"]
    return Verdict(
        holds=all(wait.start_ns < moment < wait.end_ns for wait in waits),
        seen=f"Both waited until it was set; the last went on {duration(max(w.end_ns for w in waits) - moment)} later.",
        figures=(Figure(name="woken after", value=(max(w.end_ns for w in waits) - moment) / 1e9, unit="s"),),
    )


def _judge_barrier(trace: Trace, facts: Any) -> Verdict:
    waits = named(trace, "wait for the others", 3)
    last, first = max(w.start_ns for w in waits), min(w.end_ns for w in waits)
    longest = max(w.end_ns - w.start_ns for w in waits)
    return Verdict(
        holds=last <= first,
        seen=f"The first to arrive waited {duration(longest)}; all went on after the last had come.",
        figures=(Figure(name="longest wait", value=longest / 1e9, unit="s"),),
    )


def _judge_queue(trace: Trace, facts: Any) -> Verdict:
    puts = [e for e in trace.spans("main") if e.category == "wait"]
    blocked = [e for e in puts if e.end_ns - e.start_ns > 1_000_000]
    return Verdict(
        holds=facts == list(range(5)),
        seen=f"Items came out as {facts}; {len(blocked)} of {len(puts)} puts waited for room.",
        figures=(Figure(name="puts that waited", value=len(blocked)),),
    )


_TWO = ("main", "first", "second")

CHAPTER = Chapter(
    name="synchronization",
    title="Synchronization",
    text="Threads share memory, so two of them can change the same thing at the same time. Synchronization makes them "
    "wait for each other where it matters: a mutex lets one in, a semaphore some; a condition, an event, a barrier and "
    "a queue let them wait for something to happen. Each has a price.",
    experiments=(
        Experiment(
            name="lost-update",
            title="A lost update",
            text="counter = counter + 1 is three steps. If the interpreter switches to the other thread after the "
            "read, the write overwrites what the other one wrote meanwhile. The GIL does not prevent that: it "
            "protects the interpreter, not the program.",
            shown=(plus_one,),
            program=lost_update,
            order=_TWO,
            claim="Increments get lost.",
            judge=_judge_lost,
            tries=20,
        ),
        Experiment(
            name="mutex",
            title="Mutex: one at a time",
            text="Who holds the lock is inside; everybody else waits.",
            program=mutex,
            order=_TWO,
            claim="The threads are never inside at the same time, and no update is lost.",
            judge=_judge_mutex,
        ),
        Experiment(
            name="rlock",
            title="RLock: again by its owner",
            text="A plain lock does not know who holds it: a thread that takes it twice waits for itself. An RLock "
            "counts.",
            program=rlock,
            claim="The Lock cannot be taken again by the thread that has it, the RLock can.",
            judge=_judge_rlock,
        ),
        Experiment(
            name="semaphore",
            title="Semaphore: some at a time",
            text="A semaphore of two lets two in; the others wait until one comes out. For connections, files, "
            "licences.",
            program=semaphore,
            order=("main", "first", "second", "third", "fourth"),
            claim="Two are inside at once, never more, and all four get in.",
            judge=_judge_semaphore,
        ),
        Experiment(
            name="condition",
            title="Condition: wait until it is true",
            text="The consumer lets go of the lock while it waits, and has it again when it goes on.",
            program=condition,
            order=("main", "consumer"),
            claim="The consumer goes on after the notification, not before.",
            judge=_judge_condition,
        ),
        Experiment(
            name="event",
            title="Event: a signal for all",
            text="However many wait, setting it once lets all of them go on.",
            program=event,
            order=_TWO,
            claim="Both wait until the event is set.",
            judge=_judge_event,
        ),
        Experiment(
            name="barrier",
            title="Barrier: all or nobody",
            text="Who arrives first waits for the last one. Computations in steps are separated this way.",
            program=barrier,
            order=("main", "fast", "slower", "slowest"),
            claim="Nobody goes on before the last has arrived.",
            judge=_judge_barrier,
        ),
        Experiment(
            name="queue",
            title="Queue: hand things over",
            text="A queue holds what the consumer has no time for yet; when it is full, the producer waits.",
            program=producer_and_consumer,
            order=("main", "consumer"),
            claim="All items come out, in the order in which they were put in.",
            judge=_judge_queue,
        ),
        _deadlock.MADE,
        _deadlock.AVOIDED,
        _prices.EXPERIMENT,
    ),
    remember="Share as little as possible, hold locks briefly, take them in one order, and prefer a queue: it is the "
    "one that cannot be forgotten.",
)
