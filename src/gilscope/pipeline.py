"""The whole program: spec -> plan -> run -> measure -> model -> report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from gilscope import __version__, env
from gilscope.abilities import told
from gilscope.analysis import Answer, analyse
from gilscope.cases import Study
from gilscope.env.interpreters import Interpreter, described
from gilscope.measure.blocks import prepare_all, run_blocks
from gilscope.measure.events import Observer
from gilscope.measure.host import SupervisedHost, max_workers_of
from gilscope.measure.resume import check_resumable
from gilscope.plan import make_plan
from gilscope.records import Block, Environment
from gilscope.results import ResultWriter, load

__all__ = ["RESULT_NAME", "run"]

RESULT_NAME = "result.jsonl"


def run(
    study: Study,
    out: Path,
    *,
    observer: Observer | None = None,
    interpreters: Sequence[Interpreter] = (),
    resume: bool = False,
) -> Answer:
    """Measure a study and analyse what was measured.

    Parameters
    ----------
    out : Path
        Folder that receives ``result.jsonl``; made if it does not exist.
    interpreters : sequence of Interpreter
        Those of ``study.interpreters``, in their order.
    resume : bool
        Go on with the result in ``out``: its blocks count, and are not measured again.

    Returns
    -------
    Answer
        ``interrupted`` is true when Ctrl-C ended it early.

    Raises
    ------
    UsageError
        If nothing of what was asked can be measured, or ``out`` cannot be written, or holds what cannot be resumed.
    """
    observer = observer or Observer()
    plan = make_plan(study, told(interpreters))
    environment = env.capture() | described(interpreters)
    workers = max_workers_of(slot for group in plan.groups for slot in group.slots)
    path = out / RESULT_NAME
    earlier = _measured_before(path, environment) if resume else ()
    interrupted = False
    with ResultWriter(path, study, environment, __version__, resume=resume) as writer:
        try:
            with SupervisedHost(
                workers,
                environment["cpus"]["count"],
                interpreters=interpreters,
                dask_scheduler=study.dask_scheduler,
                pin=study.pin,
                memory_limit_bytes=study.memory_limit_bytes,
            ) as host:
                prepared = prepare_all(plan, host, observer, writer)
                run_blocks(plan, study, host, prepared, observer, writer, earlier=earlier)
        except KeyboardInterrupt:
            interrupted = True
    return replace(analyse(load(path)), interrupted=interrupted)


def _measured_before(path: Path, environment: Environment) -> tuple[Block, ...]:
    """Return what was measured before; raise UsageError if it may not be added to here."""
    earlier = load(path)
    check_resumable(earlier, environment, __version__)
    return earlier.blocks
