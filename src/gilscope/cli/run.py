"""``gilscope run``: the comparison."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from gilscope.cli.asked import Asked, verb

if TYPE_CHECKING:
    from gilscope.analysis import Answer
    from gilscope.core.cases import Study

__all__ = ["exit_status", "run"]

_BAD = ("wrong_result", "failed", "timeout")
_CHANGEABLE = {"budget", "precision"}  # by --resume


@verb
def run(asked: Asked) -> int:
    """Compare implementations and executors of kernels: who scales, how far, at what price.

    Without arguments: four kernels, every implementation and executor that works here, on all usable CPUs.
    Defaults can be set in [tool.gilscope] of pyproject.toml.
    """
    from gilscope.cli.folder import output_folder
    from gilscope.cli.interpreters import chosen, reopened
    from gilscope.cli.output import emit_answer
    from gilscope.cli.progress import watch
    from gilscope.cli.report import add_report
    from gilscope.cli.request import build_study
    from gilscope.plan import compared
    from gilscope.results import load

    study = build_study(asked)
    interpreters = chosen(asked, study.kernels)
    study = compared(study, [entry.label for entry in interpreters], asked.fields)
    out, study, resume = _taken_up(study, asked)
    if resume and study.interpreters and not interpreters:  # as the result names them
        interpreters = reopened(Path(str(out)), load(Path(str(out))).environment, study.kernels)

    from gilscope import pipeline
    from gilscope.measure.engine import Kernels

    quiet = asked.given("quiet")
    subject = Kernels(study, interpreters)
    with output_folder(out, resume=resume) as folder, watch(quiet=quiet, budget_s=study.budget_s) as observer:
        answer = pipeline.run(subject, folder, observer=observer, resume=resume)
    emit_answer(answer, json=asked.given("json"))
    add_report(folder, answer, quiet=quiet)
    return exit_status(answer)


def _taken_up(study: Study, asked: Asked) -> tuple[str | None, Study, bool]:
    """Return folder and study to go on with, and whether there is anything: else it is measured from the start."""
    from gilscope.cli.folder import begun
    from gilscope.measure.resume import continued
    from gilscope.results import load

    out = asked.text("out")
    path = begun(out) if asked.given("resume") else None
    if path is None:
        return out, study, False
    study = continued(
        load(path),
        study if asked.measured - _CHANGEABLE else None,
        budget_s=study.budget_s if asked.given("budget") else None,
        precision=study.precision if asked.given("precision") else None,
    )
    return str(path.parent), study, True


def exit_status(answer: Answer) -> int:
    """Return 130 when interrupted, 1 when a case failed, gave a wrong result or ran out of time, else 0."""
    from gilscope.cli import FAILED, INTERRUPTED, OK

    if answer.interrupted:
        return INTERRUPTED
    return FAILED if any(row.status in _BAD for row in answer.rows) else OK
