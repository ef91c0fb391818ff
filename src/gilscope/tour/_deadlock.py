"""A deadlock, made and avoided."""

from __future__ import annotations

import threading
from typing import Any

from gilscope.core.trace import Recorder, Trace, duration
from gilscope.tour._model import Experiment, Figure, Verdict
from gilscope.tour._work import named, run_in_threads

__all__ = ["AVOIDED", "MADE"]

TIMEOUT_S = 0.2
_ORDER = ("main", "first", "second")


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
                got[me] = other.acquire(timeout=TIMEOUT_S)
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


def _judge_deadlock(trace: Trace, facts: Any) -> Verdict:
    waits = named(trace, "wait for the other lock", 2)
    stuck = min(w.end_ns for w in waits) - max(w.start_ns for w in waits)
    gave_up = sum(not got for got in facts.values())
    return Verdict(
        holds=gave_up >= 1 and stuck > 0,
        seen=f"For {duration(stuck)} each waited for the lock the other held; {gave_up} gave up after "
        f"{duration(TIMEOUT_S * 1e9)}.",
        figures=(Figure(name="gave up", value=gave_up), Figure(name="stuck", value=stuck / 1e9, unit="s")),
    )


def _judge_no_deadlock(trace: Trace, facts: Any) -> Verdict:
    return Verdict(
        holds=facts == {"first": True, "second": True},
        seen="Both threads got both locks.",
        figures=(Figure(name="gave up", value=sum(not got for got in facts.values())),),
    )


MADE = Experiment(
    name="deadlock",
    title="A deadlock, and how it shows",
    text="Each thread holds one lock and wants the other's. Without a time-out both would wait for ever; with "
    "one, acquire comes back empty-handed, and that is how the deadlock is found.",
    shown=(embrace,),
    program=deadlock,
    order=_ORDER,
    claim="Both wait for each other, and only a time-out ends it.",
    judge=_judge_deadlock,
)

AVOIDED = Experiment(
    name="no-deadlock",
    title="The same locks in the same order",
    text="When everybody takes the locks in one agreed order, nobody can hold what the other needs first.",
    program=no_deadlock,
    order=_ORDER,
    claim="Both threads get both locks.",
    judge=_judge_no_deadlock,
)
