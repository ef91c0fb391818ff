"""``gilscope run``: the comparison."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from gilscope.cli.verb import VerbOptions, verb
from gilscope.core.errors import UnavailableError, UsageError

if TYPE_CHECKING:
    from gilscope.core.cases import Study

_CHANGEABLE = {"budget", "precision"}  # by --resume


@verb
def run(options: VerbOptions) -> int:
    """Compare implementations and executors of kernels: who scales, how far, at what price.

    Without arguments: two kernels, every implementation and executor that works here, on all usable CPUs.
    Defaults can be set in [tool.gilscope] of pyproject.toml.
    """
    from gilscope.cli import exit_status
    from gilscope.cli.engines import check_engines
    from gilscope.cli.folder import output_folder
    from gilscope.cli.interpreters import chosen, reopened
    from gilscope.cli.output import emit_answer, emit_plan
    from gilscope.cli.progress import watch
    from gilscope.cli.report import add_report
    from gilscope.measure.engine import Kernels
    from gilscope.plan import compared
    from gilscope.results import load

    study = _study(options)
    interpreters = chosen(options, study.kernels)
    check_engines(study.executors, study.workers, interpreters[0].executable if interpreters else "")
    study = compared(study, [entry.label for entry in interpreters], options.fields)
    if options.given("dry-run"):
        emit_plan(study, Kernels(study, interpreters).plan, json=options.given("json"))
        return 0
    out, study, resume = _taken_up(study, options)
    if resume and study.interpreters and not interpreters:  # as the result names them
        interpreters = reopened(Path(str(out)), load(Path(str(out))).environment, study.kernels)

    from gilscope import pipeline

    quiet = options.given("quiet")
    subject = Kernels(study, interpreters)
    with output_folder(out, resume=resume) as folder, watch(quiet=quiet, budget_s=study.budget_s) as observer:
        answer = pipeline.run(subject, folder, observer=observer, resume=resume)
    emit_answer(answer, json=options.given("json"), full=options.given("full"))
    add_report(folder, answer, quiet=quiet)
    return exit_status(answer)


def _study(options: VerbOptions) -> Study:
    """Fill in what was not given. Planning loads every executor."""
    from dataclasses import replace

    from gilscope.env import default_workers, usable_cpus
    from gilscope.plan import make_study

    usable = usable_cpus()
    address = options.value("dask-scheduler", "")
    executors = options.value("executors", ("serial", "dask") if address else ())
    if address:
        there = _workers_of_cluster(address)
        if set(executors) <= {"serial", "dask"}:
            usable = replace(usable, count=there)
    return options.fill(make_study, workers=default_workers(usable), executors=executors)


def _workers_of_cluster(address: str) -> int:
    """Return how many workers a running cluster has; one that cannot be used is the user's to fix first."""
    from gilscope.core.spec import Impl
    from gilscope.executors import dask

    found = dask.availability(Impl(name="any", target="", gil="released"))
    if not found.ok:
        raise UsageError(f"dask-scheduler: {found.reason}; {found.cure}")
    try:
        there = dask.workers_of(address)
    except UnavailableError as error:
        raise UsageError(f"{error.reason}; {error.cure}") from None
    if not there:
        raise UsageError(f"the Dask scheduler at {address} has no workers; start some: dask worker {address}")
    return there


def _taken_up(study: Study, options: VerbOptions) -> tuple[str | None, Study, bool]:
    """Return folder and study to go on with, and whether there is anything: else it is measured from the start."""
    from gilscope.cli.folder import begun
    from gilscope.measure.resume import continued
    from gilscope.results import load

    path = begun(options)
    if path is None:
        return options.text("out"), study, False
    study = continued(
        load(path),
        study if options.measured - _CHANGEABLE else None,
        budget_s=study.budget_s if options.given("budget") else None,
        precision=study.precision if options.given("precision") else None,
    )
    return str(path.parent), study, True
