"""Chapter: one thread that switches between tasks."""

from __future__ import annotations

from functools import partial
from typing import Any

from gilscope.core.trace import Trace
from gilscope.tour._model import Experiment, Judgement, chapter
from gilscope.tour._work import judge_overlap, judge_turns


def _judge_tasks(trace: Trace, result: Any) -> Judgement:
    overlap = judge_overlap(trace, result)
    threads = len(set(result))
    return Judgement(
        overlap.holds and threads == 1, f"{overlap.observed} All of it happened in {threads} thread.", overlap.figures
    )


CHAPTER = chapter(
    "asyncio",
    {
        "sleeps": partial(Experiment, judge=_judge_tasks, tries=3),
        "blocking": partial(Experiment, judge=judge_turns),
    },
)
