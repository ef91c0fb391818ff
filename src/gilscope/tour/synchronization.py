"""Chapter: threads that share something."""

from __future__ import annotations

import queue
import threading
import time
from typing import Any

from gilscope.core.trace import Recorder, Trace, duration
from gilscope.tour import _prices
from gilscope.tour._model import Chapter, Experiment, Figure, Judgement, at_once, seconds
from gilscope.tour._work import named, run_in_threads, switch_interval

INCREMENTS = 100_000
STEP_S = 0.02
ACQUIRE_S = 0.2


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

    with switch_interval(1e-5):  # 5 ms by default: the same happens then, but more rarely
        run_in_threads(log, increment, ("first", "second"))
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

    def consume() -> None:
        with changed, log.span("consumer", "wait", "wait"):
            changed.wait_for(lambda: shelf)
        with log.span("consumer", "take"):
            shelf.pop()

    consumer = threading.Thread(target=consume)
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


def queue_(log: Recorder) -> list[int]:
    """Hand items over through a queue that holds two."""
    belt: queue.Queue[int | None] = queue.Queue(maxsize=2)
    taken: list[int] = []

    def consume() -> None:
        while (item := belt.get()) is not None:
            with log.span("consumer", f"use {item}"):
                time.sleep(STEP_S / 2)
                taken.append(item)

    consumer = threading.Thread(target=consume)
    consumer.start()
    for item in (*range(5), None):
        with log.span("main", "put" if item is None else f"put {item}", "wait"):
            belt.put(item)
    consumer.join()
    return taken


def embrace(log: Recorder, *, same_order: bool) -> dict[str, bool]:
    """Let two threads take two locks each."""
    a, b = threading.Lock(), threading.Lock()
    both_hold_one = threading.Barrier(2)
    got: dict[str, bool] = {}

    def take(log: Recorder, me: str) -> None:
        one, other = (a, b) if same_order or me == "first" else (b, a)
        with one:
            if not same_order:
                both_hold_one.wait()
            with log.span(me, "wait for the other lock", "wait"):
                got[me] = other.acquire(timeout=ACQUIRE_S)
            if got[me]:
                other.release()
        log.tell(me, "main", "got both" if got[me] else "gave up")

    run_in_threads(log, take, ("first", "second"))
    return got


def deadlock(log: Recorder) -> dict[str, bool]:
    """Take two locks in opposite order; only the time-out ends it."""
    return embrace(log, same_order=False)


def no_deadlock(log: Recorder) -> dict[str, bool]:
    """Take two locks in the same order."""
    return embrace(log, same_order=True)


def _judge_lost(trace: Trace, result: Any) -> Judgement:
    total = 2 * INCREMENTS
    observed = f"Of {total} increments {result} arrived: {total - result} were lost."
    return Judgement(result < total, observed, (Figure("increments", total), Figure("lost", total - result)))


def _most_inside(trace: Trace) -> int:
    return max(depth for _, depth in at_once(trace.spans(name="inside")))


def _judge_mutex(trace: Trace, result: Any) -> Judgement:
    most = _most_inside(trace)
    waited = sum(e.end_ns - e.start_ns for e in trace.spans(name="wait for the lock"))
    observed = f"Never more than {most} inside, and all {result} increments arrived. They waited {duration(waited)}."
    figures = (Figure("most inside at once", most), seconds("waited", waited))
    return Judgement(most == 1 and result == 6, observed, figures)


def _judge_rlock(trace: Trace, result: Any) -> Judgement:
    again = {name: "got it" if got else "would have waited for ever" for name, got in result.items()}
    observed = f"The second time, the Lock: {again['Lock']}; the RLock: {again['RLock']}."
    figures = tuple(Figure(f"{name}, second time", value) for name, value in again.items())
    return Judgement(result == {"Lock": False, "RLock": True}, observed, figures)


def _judge_semaphore(trace: Trace, result: Any) -> Judgement:
    most, entered = _most_inside(trace), len(named(trace, "inside", 4))
    observed = f"{entered} entered, at most {most} at once."
    return Judgement(most == 2 and entered == 4, observed, (Figure("most inside at once", most),))


def _judge_condition(trace: Trace, result: Any) -> Judgement:
    (wait,), (take,) = named(trace, "wait", 1), named(trace, "take", 1)
    notified = next(m.sent_ns for m in trace.messages if m.name == "notify")
    waited, later = wait.end_ns - wait.start_ns, wait.end_ns - notified
    holds = wait.start_ns < notified < wait.end_ns <= take.start_ns
    observed = f"It waited {duration(waited)} and went on {duration(later)} after it was notified."
    return Judgement(holds, observed, (seconds("woken after", later),))


def _judge_event(trace: Trace, result: Any) -> Judgement:
    waits, moment = named(trace, "wait", 2), trace.facts["set_ns"]
    later = max(wait.end_ns for wait in waits) - moment
    holds = all(wait.start_ns < moment < wait.end_ns for wait in waits)
    observed = f"Both waited until it was set; the last went on {duration(later)} later."
    return Judgement(holds, observed, (seconds("woken after", later),))


def _judge_barrier(trace: Trace, result: Any) -> Judgement:
    waits = named(trace, "wait for the others", 3)
    last, first = max(w.start_ns for w in waits), min(w.end_ns for w in waits)
    longest = max(w.end_ns - w.start_ns for w in waits)
    observed = f"The first to arrive waited {duration(longest)}; all went on after the last had come."
    return Judgement(last <= first, observed, (seconds("longest wait", longest),))


def _judge_queue(trace: Trace, result: Any) -> Judgement:
    puts = [e for e in trace.spans("main") if e.category == "wait"]
    blocked = sum(e.end_ns - e.start_ns > 1_000_000 for e in puts)
    observed = f"Items came out as {result}; {blocked} of {len(puts)} puts waited for room."
    return Judgement(result == list(range(5)), observed, (Figure("puts that waited", blocked),))


def _judge_deadlock(trace: Trace, result: Any) -> Judgement:
    waits = named(trace, "wait for the other lock", 2)
    stuck = min(w.end_ns for w in waits) - max(w.start_ns for w in waits)
    gave_up = sum(not got for got in result.values())
    observed = f"each waited for the lock the other held; {gave_up} gave up after {duration(ACQUIRE_S * 1e9)}."
    figures = (Figure("gave up", gave_up), seconds("stuck", stuck))
    return Judgement(gave_up >= 1 and stuck > 0, f"For {duration(stuck)} {observed}", figures)


def _judge_no_deadlock(trace: Trace, result: Any) -> Judgement:
    figure = Figure("gave up", sum(not got for got in result.values()))
    return Judgement(result == {"first": True, "second": True}, "Both threads got both locks.", (figure,))


CHAPTER = Chapter(
    name="synchronization",
    title="Synchronization",
    text="Threads share memory, so two of them can change the same thing at the same time. Synchronization makes them "
    "wait for each other where it matters: a mutex lets one in, a semaphore some; a condition, an event, a barrier and "
    "a queue let them wait for something to happen. Each has a price.",
    experiments=(
        Experiment(
            title="A lost update",
            text="counter = counter + 1 is three steps. If the interpreter switches to the other thread after the "
            "read, the write overwrites what the other one wrote meanwhile. The GIL does not prevent that: it "
            "protects the interpreter, not the program.",
            shown=(plus_one, switch_interval),
            program=lost_update,
            claim="Increments get lost.",
            judge=_judge_lost,
            tries=20,
        ),
        Experiment(
            title="Mutex: one at a time",
            text="Who holds the lock is inside; everybody else waits.",
            program=mutex,
            claim="The threads are never inside at the same time, and no update is lost.",
            judge=_judge_mutex,
        ),
        Experiment(
            title="RLock: again by its owner",
            text="A plain lock does not know who holds it: a thread that takes it twice waits for itself. An RLock "
            "counts.",
            program=rlock,
            claim="The Lock cannot be taken again by the thread that has it, the RLock can.",
            judge=_judge_rlock,
        ),
        Experiment(
            title="Semaphore: some at a time",
            text="A semaphore of two lets two in; the others wait until one comes out. For connections, files, "
            "licences.",
            program=semaphore,
            claim="Two are inside at once, never more, and all four get in.",
            judge=_judge_semaphore,
        ),
        Experiment(
            title="Condition: wait until it is true",
            text="The consumer lets go of the lock while it waits, and has it again when it goes on.",
            program=condition,
            claim="The consumer goes on after the notification, not before.",
            judge=_judge_condition,
        ),
        Experiment(
            title="Event: a signal for all",
            text="However many wait, setting it once lets all of them go on.",
            program=event,
            claim="Both wait until the event is set.",
            judge=_judge_event,
        ),
        Experiment(
            title="Barrier: all or nobody",
            text="Who arrives first waits for the last one. Computations in steps are separated this way.",
            program=barrier,
            claim="Nobody goes on before the last has arrived.",
            judge=_judge_barrier,
        ),
        Experiment(
            title="Queue: hand things over",
            text="A queue holds what the consumer has no time for yet; when it is full, the producer waits.",
            program=queue_,
            claim="All items come out, in the order in which they were put in.",
            judge=_judge_queue,
        ),
        Experiment(
            title="A deadlock, and how it shows",
            text="Each thread holds one lock and wants the other's. Without a time-out both would wait for ever; with "
            "one, acquire comes back empty-handed, and that is how the deadlock is found.",
            shown=(embrace,),
            program=deadlock,
            claim="Both wait for each other, and only a time-out ends it.",
            judge=_judge_deadlock,
        ),
        Experiment(
            title="The same locks in the same order",
            text="When everybody takes the locks in one agreed order, nobody can hold what the other needs first.",
            program=no_deadlock,
            claim="Both threads get both locks.",
            judge=_judge_no_deadlock,
        ),
        _prices.EXPERIMENT,
    ),
    remember="Share as little as possible, hold locks briefly, take them in one order, and prefer a queue: it is the "
    "one that cannot be forgotten.",
)
