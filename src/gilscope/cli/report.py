"""``gilscope report``: results as one HTML page."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from gilscope.cli.show import RESULT, locate
from gilscope.core.errors import ResultFileError, UsageError

if TYPE_CHECKING:
    from gilscope.analysis import Answer


_HEAD_BYTES = 200  # a report of a program says what it is before that


def report(
    results: Annotated[list[str] | None, Argument(metavar="RESULT", help=RESULT.help, show_default=False)] = None,
    out: Annotated[
        str | None, Option(metavar="FILE", help="Where to write (default: report.html beside the first result).")
    ] = None,
) -> None:
    """Write results as one HTML page: heat map, curves, losses, findings, table. It needs no network.

    A report that 'gilscope gil --out' wrote becomes a page of its own: strip, icicle, lines.
    """
    from gilscope.cli.output import emit, shown
    from gilscope.report.page import REPORT_NAME, read_view, write

    if results and (programs := [result for result in results if _is_program(Path(result))]):
        if len(results) > 1:
            raise UsageError(
                f"{programs[0]!r} is a report of 'gilscope gil', which has a page of its own: name it alone"
            )
        target = Path(results[0]).with_suffix(".html") if out is None else Path(out)
        _write_program(Path(results[0]), target)
        emit(f"report: {shown(target)}")
        return
    found = [_located(result) for result in results] if results else [locate(None)]
    beside = found[0] if found[0].is_dir() else found[0].parent
    target = beside / REPORT_NAME if out is None else Path(out)
    write(target, [read_view(path) for path in found])
    emit(f"report: {shown(target)}")


def _is_program(path: Path) -> bool:
    """Whether a file says that it is a report of ``gilscope gil``."""
    from gilscope.analysis.program import GIL_SCHEMA

    if not path.is_file():
        return False
    with path.open("rb") as file:
        return f'"{GIL_SCHEMA}"'.encode() in file.read(_HEAD_BYTES)


def _write_program(path: Path, target: Path) -> None:
    """Write the page of a report of ``gilscope gil``; ResultFileError where it cannot be read."""
    from gilscope.analysis.program import ProgramReport
    from gilscope.report.gil.page import gil_page
    from gilscope.report.gil.sources import Sources
    from gilscope.report.page.render import write_page

    try:
        report = ProgramReport.of(json.loads(path.read_text(encoding="utf-8")))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ResultFileError(f"{str(path)!r} is not a whole report of 'gilscope gil': {error}") from None
    write_page(target, lambda: gil_page(report, Sources()))


def _located(result: str) -> Path:
    """Return the result that is meant, or the folder itself where it holds studies and no result."""
    from gilscope.results import RESULT_NAME
    from gilscope.studies.kinds import studies_in

    folder = Path(result)
    if folder.is_dir() and not (folder / RESULT_NAME).exists() and studies_in(folder)[0]:
        return folder
    return locate(result)


def add_report(folder: Path, answer: Answer, *, quiet: bool) -> None:
    """Write the report beside a result and say on stderr where; nothing that goes wrong here may end the program."""
    from gilscope.cli.output import complain, shown
    from gilscope.cli.output import write as say

    try:
        from gilscope.report.page import REPORT_NAME, read_view, write
        from gilscope.results import RESULT_NAME

        write(folder / REPORT_NAME, [read_view(folder / RESULT_NAME, answer)])
    except Exception as error:  # noqa: BLE001 - see above; 'gilscope report' raises what went wrong in full
        complain(f"report.html was not written: {error or type(error).__name__}")
        return
    if not quiet:
        say(sys.stderr, f"report: {shown(folder / REPORT_NAME)}\n")
