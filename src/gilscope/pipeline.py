"""The whole program: spec -> plan -> run -> measure -> model -> report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gilscope import __version__, env
from gilscope.analysis import analyse
from gilscope.measure.blocks import prepare_all, run_blocks
from gilscope.measure.events import Observer
from gilscope.measure.host import SupervisedHost, max_workers_of
from gilscope.plan import make_plan
from gilscope.results import ResultWriter, load
from gilscope.spec import Study

__all__ = ["RESULT_NAME", "run"]

RESULT_NAME = "result.jsonl"


def run(study: Study, out: Path, *, observer: Observer | None = None) -> dict[str, Any]:
    """Measure a study and analyse what was measured.

    Parameters
    ----------
    out : Path
        Folder that receives ``result.jsonl``; made if it does not exist.

    Returns
    -------
    dict
        The analysis document (docs/schema.md); ``interrupted`` is true when Ctrl-C ended it early.

    Raises
    ------
    UsageError
        If nothing of what was asked can be measured, or ``out`` cannot be written.
    """
    observer = observer or Observer()
    plan = make_plan(study)
    environment = env.capture()
    workers = max_workers_of(slot for group in plan.groups for slot in group.slots)
    path = out / RESULT_NAME
    interrupted = False
    with ResultWriter(path, study, environment, __version__) as writer:
        try:
            with SupervisedHost(workers, environment["cpus"]["count"]) as host:
                prepared = prepare_all(plan, host, observer, writer)
                run_blocks(plan, study, host, prepared, observer, writer)
        except KeyboardInterrupt:
            interrupted = True
    return {**analyse(load(path)), "interrupted": interrupted}
