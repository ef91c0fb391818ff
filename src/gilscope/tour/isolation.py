"""Chapter: what a crash takes with it."""

from __future__ import annotations

from functools import partial
from typing import Any

from gilscope.core.trace import Trace
from gilscope.executors.processes import describe_exit
from gilscope.tour._model import Experiment, Figure, Judgement, chapter


def _finished(trace: Trace) -> set[str]:
    return {message.source for message in trace.messages if message.name == "done"}


def _judge_process(trace: Trace, result: Any) -> Judgement:
    crashed, *others = result
    done = _finished(trace)
    holds = crashed not in (0, None) and others == [0, 0] and done == {"worker2", "worker3"}
    end = describe_exit(crashed)
    observed = f"worker1 {end}. {' and '.join(sorted(done))} finished, and so did the parent."
    return Judgement(holds, observed, (Figure("exit of worker1", end), Figure("done", len(done))))


def _judge_thread(trace: Trace, result: Any) -> Judgement:
    done = _finished(trace)
    cut = sum("never ended" in event.name for event in trace.events)
    end = describe_exit(result)
    observed = f"The process {end}: {cut} threads were at work, and {len(done)} of them finished."
    figures = (Figure("exit", end), Figure("finished", len(done)))
    return Judgement(result != 0 and not done and cut == 2, observed, figures)


def _judge_memory(trace: Trace, result: Any) -> Judgement:
    in_child, in_parent = result
    observed = f"In the child it was {in_child!r}, in the parent still {in_parent!r}."
    return Judgement(in_child != in_parent, observed, (Figure("child", in_child), Figure("parent", in_parent)))


CHAPTER = chapter(
    "isolation",
    {
        "process": partial(Experiment, judge=_judge_process),
        "thread": partial(Experiment, judge=_judge_thread),
        "memory": partial(Experiment, judge=_judge_memory),
    },
)
