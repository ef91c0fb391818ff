"""Chapter: several interpreters in one process."""

from __future__ import annotations

from gilscope.core.trace import Recorder
from gilscope.studies.traced._subinterpreters import available, run_codes, run_in_interpreters
from gilscope.tour._light import nap
from gilscope.tour._model import Chapter, Experiment
from gilscope.tour._work import judge_overlap


def sleeps(log: Recorder) -> None:
    """Let two interpreters sleep."""
    run_in_interpreters(log, "nap", ("sleep1", "sleep2"))


CHAPTER = Chapter(
    name="interpreters",
    title="Several interpreters",
    text="A process can hold several Python interpreters. Each has its own modules and globals, as processes have, but "
    "all live in one process and are started faster. Since Python 3.12 each has a GIL of its own (PEP 684); since "
    "3.14 they are in the standard library (PEP 734).",
    experiments=(
        Experiment(
            title="Two sleeps in two interpreters",
            text="Each interpreter imports the module anew and is run by a thread.",
            shown=(nap, run_codes, run_in_interpreters),
            program=sleeps,
            claim="Both interpreters are asleep at the same time.",
            judge=judge_overlap,
            tries=3,
            available=available,
        ),
    ),
    remember="Interpreters lie between threads and processes: one process, separate Python worlds. Not every extension "
    "module can be imported in them; NumPy cannot.",
)
