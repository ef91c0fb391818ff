"""``gilscope metg``: how small tasks may be, executor by executor."""

from __future__ import annotations

from typing import Annotated, Any

import typer

__all__ = ["metg"]


def metg(
    executors: Annotated[
        str | None,
        typer.Option("--executors", metavar="a,b", help="Only these, e.g. threads,processes,threadpool [all]."),
    ] = None,
    start_method: Annotated[
        str | None, typer.Option("--start-method", metavar="a,b", help="Of processes [fork, forkserver, spawn].")
    ] = None,
    workers: Annotated[str | None, typer.Option("--workers", metavar="N", help="Workers [all usable CPUs].")] = None,
    task: Annotated[
        str | None, typer.Option("--task", metavar="40us", help="Length of a task of yours: how many go together?")
    ] = None,
    budget: Annotated[
        str | None, typer.Option("--budget", metavar="75s", help="Time from the first counted round on [75s].")
    ] = None,
    seed: Annotated[str | None, typer.Option("--seed", metavar="N", help="Of the order inside blocks [1].")] = None,
    out: Annotated[
        str | None, typer.Option("--out", metavar="DIR", help="Folder of metg.json [gilscope-results/<UTC time>].")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the document as JSON and nothing else.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Show no progress.")] = False,
) -> int:
    """How small may tasks be? METG(50 %) of every executor: workers x wall per task at which half is work.

    The pools of concurrent.futures stand beside ours (threadpool, processpool).
    """
    from gilscope.cli.study import carry_out, common, one_of, small_duration
    from gilscope.registry import EXECUTORS, REFERENCES

    asked = {"start-method": start_method, "workers": workers, "budget": budget, "seed": seed, "out": out}
    options, folder = common(asked)
    options |= one_of("executors", executors, (*EXECUTORS, *REFERENCES))
    task_s = small_duration("task", task)
    return carry_out("metg", lambda: _run({**options, "task_s": task_s}, quiet=quiet), _render, folder, json=json)


def _run(options: dict[str, Any], *, quiet: bool) -> dict[str, Any]:
    from gilscope import env
    from gilscope.cli.progress import watch
    from gilscope.measure.host import SupervisedHost, max_workers_of
    from gilscope.spec import Slot
    from gilscope.studies import metg as study

    request = study.Request(**options)
    ways = study.ways_of(request)
    cells = study.cells_of(ways)
    environment = env.capture()
    families = max_workers_of(Slot(case=cell.case(0)) for cell in cells)
    with watch(quiet=quiet, budget_s=request.budget_s) as observer:
        with SupervisedHost(families, environment["cpus"]["count"]) as host:
            sweep = study.measure(request, cells, host, observer)
        return study.metg_document(request, ways, sweep, environment)


def _render() -> Any:
    from gilscope.report.study_metg import render_metg

    return render_metg
