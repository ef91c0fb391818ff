"""Chapter: several processes."""

from __future__ import annotations

import os
from typing import Any

from gilscope.core.trace import Recorder, Trace
from gilscope.tour._light import begin, nap
from gilscope.tour._model import Chapter, Experiment, Figure, Judgement
from gilscope.tour._work import judge_overlap, run_in_processes

counter = 0


def sleeps(log: Recorder) -> None:
    """Let two processes sleep."""
    run_in_processes(log, nap, ("sleep1", "sleep2"))


def increment(log: Recorder, me: str) -> None:
    """Add one to the module's global."""
    global counter
    with log.span(me, "counter += 1"):
        counter += 1
    log.fact(me, {"pid": os.getpid(), "counter": counter})
    log.tell(me, "main", f"counter is {counter}")


def memory(log: Recorder) -> dict[str, Any]:
    """Let two processes change a global, and look at ours."""
    global counter
    counter = 0
    run_in_processes(log, increment, ("child1", "child2"))
    return {"pid": os.getpid(), "counter": counter}


def _judge_memory(trace: Trace, result: Any) -> Judgement:
    children = [trace.facts.get(name, {}) for name in ("child1", "child2")]
    counts, counter = [child.get("counter") for child in children], result["counter"]
    pids = {result["pid"], *(child.get("pid") for child in children)}
    held = f"Each child counted to {counts[0]}; the parent's counter was still {counter}."
    figures = (Figure("counter in the children", str(counts)), Figure("counter in the parent", counter))
    holds = counts == [1, 1] and counter == 0 and len(pids) == 3
    return Judgement(holds, f"{held} {len(pids)} processes took part.", figures)


CHAPTER = Chapter(
    name="processes",
    title="Several processes",
    text="A process has a memory of its own and, in Python, an interpreter of its own with its own GIL. The operating "
    "system runs processes side by side; what they want to tell each other must be sent.",
    experiments=(
        Experiment(
            title="Two sleeps in two processes",
            text="As with threads the sleeps overlap. Starting takes longer: each process has to load Python and "
            "import the module before it can do anything.",
            shown=(nap, begin, run_in_processes),
            program=sleeps,
            claim="Both processes are asleep at the same time.",
            judge=judge_overlap,
            tries=3,
        ),
        Experiment(
            title="A memory for each",
            text="Each child changes the global variable of the module: its own copy of it.",
            shown=(increment,),
            program=memory,
            claim="The parent's variable does not change.",
            judge=_judge_memory,
        ),
    ),
    remember="Processes compute side by side and share nothing by themselves: safe and parallel, at the price of "
    "starting them and of sending data.",
)
