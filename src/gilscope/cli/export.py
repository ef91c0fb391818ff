"""``gilscope export``: a result for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["export"]


def export(
    result: Annotated[
        str | None,
        typer.Argument(
            metavar="RESULT", help="result.jsonl or its folder [the newest in gilscope-results].", show_default=False
        ),
    ] = None,
    form: Annotated[
        str, typer.Option("--format", metavar="csv|json|pytest-benchmark|pyperf", help="What to write.")
    ] = "csv",
    out: Annotated[str | None, typer.Option("--out", metavar="FILE", help="Write there instead of printing.")] = None,
) -> int:
    """Write a result as CSV, JSON, or as a file that pytest-benchmark or pyperf can compare."""
    from gilscope import results
    from gilscope.analysis import analyse
    from gilscope.cli.output import emit
    from gilscope.cli.show import locate
    from gilscope.errors import UsageError
    from gilscope.registry import check_names
    from gilscope.report.export import FORMATS
    from gilscope.report.export import export as export_result

    check_names("format", [form], FORMATS)
    measured = results.load(locate(result))
    text = export_result(measured, analyse(measured), form)
    if out is None:
        emit(text)
        return 0
    try:
        with Path(out).open("x", encoding="utf-8", newline="") as file:
            file.write(text)
    except FileExistsError:
        raise UsageError(f"{out!r} is there already: choose another name with --out") from None
    except OSError as error:
        raise UsageError(f"cannot write {out!r}: {error.strerror}; choose another name with --out") from None
    return 0
