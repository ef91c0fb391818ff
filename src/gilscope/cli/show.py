"""``gilscope show``: look at a result again."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from gilscope.cli.output import complain, emit_answer, emit_document
from gilscope.core.errors import UsageError

RESULT = Argument(
    metavar="RESULT", help="result.jsonl or its folder (default: the newest in gilscope-results).", show_default=False
)


def show(
    result: Annotated[str | None, RESULT] = None,
    full: Annotated[bool, Option("--full", help="Every table: rates, losses, findings, controls.")] = False,
    case: Annotated[
        str | None, Option(metavar="CASE", help="Everything about one case: its number, its id or a part of it.")
    ] = None,
    one_time: Annotated[
        bool, Option("--one-time", help="Every table, and what start, import, JIT and first transfer cost.")
    ] = False,
    json: Annotated[bool, Option("--json", help="Print the analysis as JSON and nothing else.")] = False,
) -> None:
    """Show a result again: its answer, every table, or one case; or a study (metg, ipc, startup) as far as it got."""
    from gilscope.cli.study import print_study
    from gilscope.studies.kinds import is_study, load_study, study_files

    path = locate(result, studies=True)
    if not path.is_dir() and not is_study(path):
        _show_result(path, case=case, full=full, one_time=one_time, json=json)
        return
    if case is not None:
        raise UsageError(f"{str(path)!r} is a study and has no cases: show it without --case")
    paths = list(study_files(path).values()) if path.is_dir() else [path]
    if json and len(paths) > 1:
        raise UsageError(f"{str(path)!r} holds {len(paths)} studies: name one, like {str(paths[0])!r}")
    for found in paths:
        print_study(load_study(found), found, json=json)


def _show_result(path: Path, *, case: str | None, full: bool, one_time: bool, json: bool) -> None:
    from gilscope import results
    from gilscope.analysis import analyse
    from gilscope.analysis.to_json import part_to_json
    from gilscope.report.terminal.case import find_case, render_case

    measured = results.load(path)
    answer = analyse(measured)
    if case is None:
        emit_answer(answer, json=json, full=full, one_time=one_time)
    else:
        row = find_case(answer, case)
        emit_document(part_to_json(row), partial(render_case, answer, row, measured), json=json)


def locate(result: str | None, *, studies: bool = False) -> Path:
    """Return the result file meant by a file, a folder that holds one, a folder of results, or nothing.

    With ``studies`` those are meant too; a folder that holds some and no result is returned itself. UsageError if
    there is none.
    """
    from gilscope.cli.folder import DEFAULT_PARENT, newest
    from gilscope.results.schema import RESULT_NAME
    from gilscope.studies.kinds import FILE_NAMES, study_files

    path = Path(DEFAULT_PARENT if result is None else result)
    if path.is_dir():
        if (path / RESULT_NAME).is_file():
            return path / RESULT_NAME
        if studies and study_files(path):
            return path
        names = (RESULT_NAME, *(FILE_NAMES if studies else ()))
        found, last = newest(path, names, measured=True), newest(path, names)
        if found is None:
            raise UsageError(f"no {RESULT_NAME} in {str(path)!r}: 'gilscope run --out {path}' writes one")
        if found != last:
            complain(f"nothing was measured in {last}: this is {found}")
        return found
    if not path.is_file():
        hint = "'gilscope run' writes one" if result is None else f"name a {RESULT_NAME} or its folder"
        raise UsageError(f"no result at {str(path)!r}: {hint}")
    return path
