"""Chapter: threads that share something."""

from __future__ import annotations

from functools import partial
from typing import Any

from gilscope.core.trace import Trace, duration
from gilscope.tour._model import Experiment, Figure, Judgement, at_once, chapter, seconds
from gilscope.tour._work import named

INCREMENTS = 100_000


def _judge_lost(trace: Trace, result: Any) -> Judgement:
    total = 2 * INCREMENTS
    observed = f"After {total} increments the counter is {result}: {total - result} were lost."
    return Judgement(result < total, observed, (Figure("increments", total), Figure("lost", total - result)))


def _most_inside(trace: Trace) -> int:
    return max(depth for _, depth in at_once(trace.spans(name="inside")))


def _judge_mutex(trace: Trace, result: Any) -> Judgement:
    most = _most_inside(trace)
    waited = sum(e.end_ns - e.start_ns for e in trace.spans(name="wait for the lock"))
    waits = f"Together they waited {duration(waited)} for the lock."
    observed = f"At most {most} was inside at a time, and the counter is {result} after 6 increments. {waits}"
    figures = (Figure("most inside at once", most), seconds("waited", waited))
    return Judgement(most == 1 and result == 6, observed, figures)


def _judge_rlock(trace: Trace, result: Any) -> Judgement:
    again = {name: "was taken" if got else "could not be taken" for name, got in result.items()}
    observed = f"The second time, the Lock {again['Lock']}, and the RLock {again['RLock']}."
    figures = tuple(Figure(f"{name}, second time", value) for name, value in again.items())
    return Judgement(result == {"Lock": False, "RLock": True}, observed, figures)


def _judge_semaphore(trace: Trace, result: Any) -> Judgement:
    most, entered = _most_inside(trace), len(named(trace, "inside", 4))
    observed = f"{entered} threads got in, at most {most} at once."
    return Judgement(most == 2 and entered == 4, observed, (Figure("most inside at once", most),))


def _judge_condition(trace: Trace, result: Any) -> Judgement:
    (wait,), (take,) = named(trace, "wait", 1), named(trace, "take", 1)
    notified = next(m.sent_ns for m in trace.messages if m.name == "notify")
    waited, later = wait.end_ns - wait.start_ns, wait.end_ns - notified
    holds = wait.start_ns < notified < wait.end_ns <= take.start_ns
    observed = f"The consumer waited {duration(waited)}, and went on {duration(later)} after it was notified."
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
    observed = f"each waited for the lock that the other one held; {gave_up} of them gave up after 200 ms."
    figures = (Figure("gave up", gave_up), seconds("stuck", stuck))
    return Judgement(gave_up >= 1 and stuck > 0, f"For {duration(stuck)} {observed}", figures)


def _judge_no_deadlock(trace: Trace, result: Any) -> Judgement:
    figure = Figure("gave up", 2 - len(result))
    return Judgement(sorted(result) == ["first", "second"], "Both threads got both locks.", (figure,))


def _judge_prices(trace: Trace, result: Any) -> Judgement:
    lock, heavy, meeting = result["Lock"]["alone"], result["Queue"]["alone"], result["Barrier"]["with a rival"]
    observed = (
        f"To take and give back a Lock took {duration(lock)}, to put into and get from a Queue {duration(heavy)}, "
        f"and a meeting of two at a Barrier {duration(meeting)}."
    )
    figures = (seconds(f"{name}, {kind}", ns) for name, found in result.items() for kind, ns in found.items())
    return Judgement(lock < heavy, observed, tuple(figures))


CHAPTER = chapter(
    "synchronization",
    {
        "lost-update": partial(Experiment, judge=_judge_lost, tries=20),
        "mutex": partial(Experiment, judge=_judge_mutex),
        "rlock": partial(Experiment, judge=_judge_rlock),
        "semaphore": partial(Experiment, judge=_judge_semaphore),
        "condition": partial(Experiment, judge=_judge_condition),
        "event": partial(Experiment, judge=_judge_event),
        "barrier": partial(Experiment, judge=_judge_barrier),
        "queue": partial(Experiment, judge=_judge_queue),
        "deadlock": partial(Experiment, judge=_judge_deadlock),
        "no-deadlock": partial(Experiment, judge=_judge_no_deadlock),
        "prices": partial(Experiment, judge=_judge_prices),
    },
)
