"""``gilscope export``: a result for other programs, and its charts as pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from gilscope.report.charts import View

__all__ = ["export"]


def export(
    result: Annotated[
        str | None,
        typer.Argument(
            metavar="RESULT", help="result.jsonl or its folder [the newest in gilscope-results].", show_default=False
        ),
    ] = None,
    form: Annotated[
        str, typer.Option("--format", metavar="csv|json|pytest-benchmark|pyperf|svg|png", help="What to write.")
    ] = "csv",
    chart: Annotated[
        str | None,
        typer.Option("--chart", metavar="NAME", help="Of svg and png: heatmap, scaling, losses, ... [every chart]."),
    ] = None,
    kernel: Annotated[str, typer.Option("--kernel", metavar="NAME", help="Of charts: this kernel [all].")] = "",
    theme: Annotated[str, typer.Option("--theme", metavar="light|dark", help="Of charts.")] = "light",
    out: Annotated[
        str | None, typer.Option("--out", metavar="FILE", help="Write there; a folder when every chart is written.")
    ] = None,
) -> int:
    """Write a result as CSV, JSON, for pytest-benchmark or pyperf, or its charts as SVG or PNG."""
    from gilscope.cli.show import locate
    from gilscope.core.errors import UsageError
    from gilscope.core.registry import check_names
    from gilscope.report.export import FORMATS
    from gilscope.report.picture import PICTURES

    check_names("format", [form], (*FORMATS, *PICTURES))
    path = locate(result)
    if form in PICTURES:
        return _pictures(path, form, chart, kernel, theme, out)
    if chart or kernel:
        raise UsageError(f"--chart and --kernel draw pictures, --format {form} has none: add --format svg or png")
    return _text(path, form, out)


def _text(path: Path, form: str, out: str | None) -> int:
    from gilscope import results
    from gilscope.analysis import analyse
    from gilscope.cli.output import emit
    from gilscope.report.export import export as export_result

    measured = results.load(path)
    text = export_result(measured, analyse(measured), form)
    if out is None:
        emit(text)
    else:
        _write(Path(out), text.encode())
    return 0


def _pictures(path: Path, form: str, chart: str | None, kernel: str, theme: str, out: str | None) -> int:
    """Write one chart to a file, or each to a file of its own in a folder, and say where."""
    from gilscope.cli.output import emit, shown
    from gilscope.report.charts.model import read_view
    from gilscope.report.picture import available

    view = read_view(path)
    if chart is not None:
        target = Path(f"{chart}.{form}" if out is None else out)
        _write(target, _drawn(view, chart, kernel, theme, form))
        emit(shown(target))
        return 0
    folder = path.with_name("charts") if out is None else Path(out)
    _make(folder)
    for name in available(view):
        _write(folder / f"{name}.{form}", _drawn(view, name, kernel, theme, form))
        emit(shown(folder / f"{name}.{form}"))
    return 0


def _drawn(view: View, chart: str, kernel: str, theme: str, form: str) -> bytes:
    from gilscope.report.picture import as_png, picture

    svg = picture(view, chart, kernel=kernel, theme=theme)
    return as_png(svg) if form == "png" else svg.encode("utf-8", "replace")


def _make(folder: Path) -> None:
    from gilscope.core.errors import UsageError

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot make {str(folder)!r}: {error.strerror}; choose another folder with --out") from None


def _write(path: Path, data: bytes) -> None:
    from gilscope.core.errors import UsageError

    try:
        with path.open("xb") as file:
            file.write(data)
    except FileExistsError:
        raise UsageError(f"{str(path)!r} is there already: choose another name with --out") from None
    except OSError as error:
        raise UsageError(f"cannot write {str(path)!r}: {error.strerror}; choose another name with --out") from None
