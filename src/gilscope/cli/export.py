"""``gilscope export``: a result for other programs, and its charts as pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Option

from gilscope.cli.output import emit, shown
from gilscope.cli.show import RESULT, locate
from gilscope.core.errors import UsageError


def export(
    result: Annotated[str | None, RESULT] = None,
    form: Annotated[
        str,
        Option(
            "--format",
            metavar="csv|json|pytest-benchmark|pyperf|svg|png",
            help="What to write (default: csv).",
            show_default=False,
        ),
    ] = "csv",
    chart: Annotated[
        str | None, Option(metavar="NAME", help="Of svg and png: heatmap, scaling, losses, ... (default: every chart).")
    ] = None,
    kernel: Annotated[str, Option(metavar="NAME", help="Of charts: this kernel (default: all).")] = "",
    theme: Annotated[
        str, Option(metavar="light|dark", help="Of charts (default: light).", show_default=False)
    ] = "light",
    out: Annotated[
        str | None, Option(metavar="FILE", help="Write there; a folder when every chart is written.")
    ] = None,
) -> None:
    """Write a result as CSV, JSON, for pytest-benchmark or pyperf, or its charts as SVG or PNG."""
    from gilscope import results
    from gilscope.analysis import analyse
    from gilscope.core.registry import check_names
    from gilscope.report.export import FORMATS
    from gilscope.report.export import export as export_result
    from gilscope.report.picture import PICTURES

    check_names("format", [form], (*FORMATS, *PICTURES))
    path = locate(result)
    if form in PICTURES:
        _pictures(path, form, chart, kernel, theme, out)
        return
    if chart or kernel:
        raise UsageError(f"--chart and --kernel draw pictures, --format {form} has none: add --format svg or png")
    measured = results.load(path)
    text = export_result(measured, analyse(measured), form)
    if out is None:
        emit(text)
    else:
        _write(Path(out), text.encode())


def _pictures(path: Path, form: str, chart: str | None, kernel: str, theme: str, out: str | None) -> None:
    """Write one chart to a file, or each to a file of its own in a folder, and print where."""
    from gilscope.report.charts.model import read_view
    from gilscope.report.picture import as_png, available, picture

    view = read_view(path)
    if chart is not None:
        targets = {chart: Path(f"{chart}.{form}" if out is None else out)}
    else:
        folder = path.with_name("charts") if out is None else Path(out)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(
                f"cannot make {str(folder)!r}: {error.strerror}; choose another folder with --out"
            ) from None
        targets = {name: folder / f"{name}.{form}" for name in available(view)}
    for name, target in targets.items():
        svg = picture(view, name, kernel=kernel, theme=theme)
        _write(target, as_png(svg) if form == "png" else svg.encode("utf-8", "replace"))
        emit(shown(target))


def _write(path: Path, data: bytes) -> None:
    try:
        with path.open("xb") as file:
            file.write(data)
    except FileExistsError:
        raise UsageError(f"{str(path)!r} is there already: choose another name with --out") from None
    except OSError as error:
        raise UsageError(f"cannot write {str(path)!r}: {error.strerror}; choose another name with --out") from None
