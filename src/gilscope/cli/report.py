"""``gilscope report``: results as one HTML page."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from gilscope.cli.show import RESULT, locate

if TYPE_CHECKING:
    from gilscope.analysis import Answer


def report(
    results: Annotated[list[str] | None, Argument(metavar="RESULT", help=RESULT.help, show_default=False)] = None,
    out: Annotated[
        str | None, Option(metavar="FILE", help="Where to write (default: report.html beside the first result).")
    ] = None,
) -> None:
    """Write results as one HTML page: heat map, curves, losses, findings, table. It needs no network."""
    from gilscope.cli.output import emit, shown
    from gilscope.report.page import REPORT_NAME, read_view, write

    found = [_located(result) for result in results] if results else [locate(None)]
    beside = found[0] if found[0].is_dir() else found[0].parent
    target = beside / REPORT_NAME if out is None else Path(out)
    write(target, [read_view(path) for path in found])
    emit(f"report: {shown(target)}")


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
