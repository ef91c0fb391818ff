"""Chapter: scaling over all cores."""

from __future__ import annotations

from functools import partial
from typing import Any

from gilscope.core.trace import Trace
from gilscope.tour._model import Experiment, Figure, Judgement, chapter
from gilscope.tour._work import load, two_cpus

_AT_ONCE = 0.7  # of the workers, able to run at a time; the rest is starting, stopping, and hosts that steal


def _judge(trace: Trace, result: Any) -> Judgement:
    walls, able, figures = {}, {}, []
    for workers in result:
        lanes = tuple(event for event in trace.spans(name="computing") if event.lane.startswith(f"of {workers}/"))
        part = Trace(title="", events=lanes, facts=trace.facts)
        _, able[workers] = load(part, "computing", workers)
        walls[workers] = part.end_ns - part.start_ns
        figures.append(Figure(f"work done by {workers}, against 1", workers * walls[1] / walls[workers]))
        figures.append(Figure(f"able to run at a time, of {workers}", able[workers]))
    most = max(result)
    gain = f"{most} threads did {most * walls[1] / walls[most]:.2f} times the work of one in the same time"
    observed = f"{gain}. On average {able[most]:.2f} of them were running or queueing for a CPU."
    return Judgement(all(able[workers] >= _AT_ONCE * workers for workers in result), observed, tuple(figures))


CHAPTER = chapter("cores", {"scaling": partial(Experiment, judge=_judge, available=two_cpus, tries=3)})
