"""Chapter: several processes."""

from __future__ import annotations

from functools import partial
from typing import Any

from gilscope.core.trace import Trace
from gilscope.tour._model import Experiment, Figure, Judgement, chapter
from gilscope.tour._work import judge_overlap


def _judge_memory(trace: Trace, result: Any) -> Judgement:
    children = [trace.facts.get(name, {}) for name in ("child1", "child2")]
    counts, counter = [child.get("counter") for child in children], result["counter"]
    pids = {result["pid"], *(child.get("pid") for child in children)}
    held = f"Each child counted to {counts[0]}; the parent's counter was still {counter}."
    figures = (Figure("counter in the children", str(counts)), Figure("counter in the parent", counter))
    holds = counts == [1, 1] and counter == 0 and len(pids) == 3
    return Judgement(holds, f"{held} {len(pids)} processes took part.", figures)


CHAPTER = chapter(
    "processes",
    {
        "sleeps": partial(Experiment, judge=judge_overlap, tries=3),
        "memory": partial(Experiment, judge=_judge_memory),
    },
)
