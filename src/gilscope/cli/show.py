"""``gilscope show``: look at a result again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gilscope.core.errors import UsageError

__all__ = ["locate", "show"]


def show(
    result: Annotated[
        str | None,
        typer.Argument(
            metavar="RESULT", help="result.jsonl or its folder [the newest in gilscope-results].", show_default=False
        ),
    ] = None,
    case: Annotated[str | None, typer.Option("--case", metavar="ID", help="Everything about one case.")] = None,
    one_time: Annotated[
        bool, typer.Option("--one-time", help="Also what start, import, JIT and first transfer cost.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the analysis as JSON and nothing else.")] = False,
) -> int:
    """Show a result again: the tables of 'run', one case fully, or a study (metg, ipc, startup) as far as it got."""
    from gilscope.studies.kinds import is_study

    path = locate(result, studies=True)
    if path.is_dir() or is_study(path):
        return _show_studies(path, case=case, json=json)
    return _show_result(path, case=case, one_time=one_time, json=json)


def _show_studies(path: Path, *, case: str | None, json: bool) -> int:
    """Show one study, or all of a folder."""
    from gilscope.cli.study import print_study
    from gilscope.studies.kinds import load_study, study_files

    paths = list(study_files(path).values()) if path.is_dir() else [path]
    if case is not None:
        raise UsageError(f"{str(path)!r} is a study and has no cases: show it without --case")
    if json and len(paths) > 1:
        raise UsageError(f"{str(path)!r} holds {len(paths)} studies: name one, like {str(paths[0])!r}")
    for found in paths:
        print_study(load_study(found), found, json=json)
    return 0


def _show_result(path: Path, *, case: str | None, one_time: bool, json: bool) -> int:
    from gilscope import results
    from gilscope.analysis import analyse
    from gilscope.cli.output import emit, emit_answer, emit_json, stdout_color, stdout_width

    measured = results.load(path)
    answer = analyse(measured)
    if case is None:
        emit_answer(answer, json=json, one_time=one_time)
        return 0
    from gilscope.analysis.to_json import part_to_json
    from gilscope.report.terminal.case import find_case, render_case

    row = find_case(answer, case)
    if json:
        emit_json(part_to_json(row))
    else:
        emit(render_case(answer, row, measured, width=stdout_width(), color=stdout_color()))
    return 0


def locate(asked: str | None, *, studies: bool = False) -> Path:
    """Find the result file meant by a file, a folder that holds one, a folder of results, or nothing.

    Parameters
    ----------
    studies : bool
        Whether studies are meant too; a folder that holds some and no result is returned itself.

    Raises
    ------
    UsageError
        If there is none.
    """
    from gilscope.cli.folder import DEFAULT_PARENT, newest
    from gilscope.results.schema import RESULT_NAME
    from gilscope.studies.kinds import FILE_NAMES, study_files

    path = Path(DEFAULT_PARENT if asked is None else asked)
    if path.is_dir():
        inside = path / RESULT_NAME
        if studies and not inside.is_file() and study_files(path):
            return path
        found = inside if inside.is_file() else newest(path, (RESULT_NAME, *(FILE_NAMES if studies else ())))
        if found is None:
            raise UsageError(f"no {RESULT_NAME} in {str(path)!r}: 'gilscope run --out {path}' writes one")
        return found
    if not path.is_file():
        hint = "'gilscope run' writes one" if asked is None else f"name a {RESULT_NAME} or its folder"
        raise UsageError(f"no result at {str(path)!r}: {hint}")
    return path
