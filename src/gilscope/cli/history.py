"""``gilscope history``: many runs over time."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from gilscope.cli.output import cannot_write, emit_document
from gilscope.core.errors import UsageError

if TYPE_CHECKING:
    from gilscope.analysis.history import History


def history(
    folder: Annotated[
        str | None,
        Argument(metavar="DIR", help="Folder of results (default: gilscope-results).", show_default=False),
    ] = None,
    html: Annotated[str | None, Option(metavar="FILE", help="Write a page with charts over time.")] = None,
    badge: Annotated[
        list[str] | None, Option(metavar="FILE", help="Write a badge: .svg, or .json for shields.io.")
    ] = None,
    case: Annotated[
        str, Option(metavar="CASE", help="Of the badge: a part of a case's name (default: the fastest case).")
    ] = "",
    fail_on_regression: Annotated[
        bool, Option("--fail-on-regression", help="Exit with 1 if the newest runs are worse than those before.")
    ] = False,
    json: Annotated[bool, Option("--json", help="Print the history as JSON and nothing else.")] = False,
) -> int:
    """Follow efficiency and GIL share over many runs: what changed, between which commits, and on which machine.

    The results in a folder are all there is to keep. Runs are in the order of their commits, else of their time.
    """
    from gilscope.analysis.history import read_history
    from gilscope.analysis.history_json import history_to_json
    from gilscope.cli import FAILED, OK
    from gilscope.cli.folder import DEFAULT_PARENT
    from gilscope.report.history.page import history_page
    from gilscope.report.history.text import render_history
    from gilscope.report.page.render import write_page

    path = Path(DEFAULT_PARENT if folder is None else folder)
    if not path.is_dir():
        raise UsageError(
            f"no folder {str(path)!r}: name one that holds results, as --out of run and profile writes them"
        )
    if wrong := next((one for one in badge or () if Path(one).suffix not in (".svg", ".json")), None):
        raise UsageError(f"--badge {wrong!r} must end with .svg or .json")
    found = read_history(path)
    if not found.runs and not found.left_out:
        raise UsageError(f"no result in {str(path)!r}: 'gilscope profile TARGET --out {path}/NAME' writes one")
    for target in badge or ():
        _write_badge(Path(target), found, case)
    if html is not None:
        write_page(Path(html), lambda: history_page(found))
    emit_document(history_to_json(found), partial(render_history, found), json=json)
    return FAILED if fail_on_regression and found.regressions else OK


def _write_badge(path: Path, found: History, case: str) -> None:
    """Write a badge over the one of before."""
    from gilscope.report.history.badge import badge

    made = badge(found, case)
    try:
        path.write_text(made.svg if path.suffix == ".svg" else made.shields, encoding="utf-8")
    except OSError as error:
        raise cannot_write(path, error.strerror, option="--badge") from None
