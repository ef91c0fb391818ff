"""Chapter: several threads of one process."""

from __future__ import annotations

from functools import partial
from typing import Any

from gilscope.core.trace import Trace
from gilscope.tour._model import Experiment, Figure, Judgement, chapter
from gilscope.tour._work import judge_overlap


def _judge_list(trace: Trace, result: Any) -> Judgement:
    observed = f"After both threads had ended, the main thread found {result}."
    return Judgement(result == ["first", "second"], observed, (Figure("items in the list", len(result)),))


CHAPTER = chapter(
    "threads",
    {
        "sleeps": partial(Experiment, judge=judge_overlap, tries=3),
        "memory": partial(Experiment, judge=_judge_list),
    },
)
