"""Chapter: the same five with work for the CPU."""

from __future__ import annotations

import sys
from functools import partial

from gilscope.env.interpreter import gil_enabled
from gilscope.studies.traced._subinterpreters import available, own_gil
from gilscope.tour._model import Experiment, chapter
from gilscope.tour._work import cores_experiment, judge_turns, with_two_cpus

_judge_turns = partial(judge_turns, name="counting")
_THREADS_CLAIM = (
    "Together the two threads never use more than one core: they take turns holding the GIL."
    if gil_enabled()
    else "Both count at the same time: this Python has no GIL."
)
_INTERPRETERS_CLAIM = (
    "Both interpreters count at the same time: each has its own GIL."
    if own_gil()
    else f"In Python {sys.version_info.major}.{sys.version_info.minor} all interpreters of a process share one GIL: "
    "together they use no more than one core."
)

CHAPTER = chapter(
    "cpu",
    {
        "single": partial(Experiment, judge=_judge_turns),
        "threads": partial(cores_experiment, claim=_THREADS_CLAIM, together=not gil_enabled(), spans="counting"),
        "processes": partial(cores_experiment, together=True, spans="counting"),
        "interpreters": partial(
            cores_experiment,
            claim=_INTERPRETERS_CLAIM,
            together=own_gil(),
            spans="counting",
            available=lambda: with_two_cpus(available()),
        ),
        "asyncio": partial(Experiment, judge=_judge_turns),
    },
)
