"""Chapter: the lock of the interpreter."""

from __future__ import annotations

import statistics
from functools import partial
from typing import Any

from gilscope.core.trace import Trace, duration
from gilscope.env.interpreter import gil_enabled
from gilscope.telemetry.gil import probe_availability
from gilscope.tour._model import Experiment, Figure, Judgement, chapter, seconds, when
from gilscope.tour._work import cores_experiment

_NOTICEABLE_NS = 2_500_000  # half of Python's switch interval


def _judge_turns(trace: Trace, result: Any) -> Judgement:
    often, rarely = trace.facts["gil hasty"], trace.facts["gil patient"]
    observed = (
        f"With a switch interval of 5 ms the GIL changed hands {often['handovers']} times, {often['per_s']:.0f} a "
        f"second; with 50 ms {rarely['handovers']} times, {rarely['per_s']:.0f} a second."
    )
    figures = (Figure("hand-offs at 5 ms", often["handovers"]), Figure("hand-offs at 50 ms", rarely["handovers"]))
    return Judgement(rarely["handovers"] < often["handovers"], observed, figures)


def _judge_convoy(trace: Trace, result: Any) -> Judgement:
    alone, beside = (statistics.median(result[kind]) for kind in ("alone", "beside"))
    took = f"took {duration(alone)} alone and {duration(beside)} beside a thread that computes"
    figures = (seconds("alone", alone), seconds("beside", beside))
    return Judgement(beside - alone >= _NOTICEABLE_NS, f"A wait of 2 ms {took}.", figures)


_HELD = "Two threads use no more than one core."
_NO_GIL = "Both threads run at the same time: there is no GIL."
_HAS_GIL = partial(when, gil_enabled(), "this interpreter has no GIL", "start it with PYTHON_GIL=1 to see it")

CHAPTER = chapter(
    "gil",
    {
        "turns": partial(Experiment, judge=_judge_turns, available=probe_availability, tries=3),
        "convoy": partial(Experiment, judge=_judge_convoy, available=_HAS_GIL, tries=5),
        "c-holds": partial(
            cores_experiment, claim=_HELD if gil_enabled() else _NO_GIL, together=not gil_enabled(), spans="summing"
        ),
        "c-releases": partial(cores_experiment, together=True, spans="hashing"),
    },
)
