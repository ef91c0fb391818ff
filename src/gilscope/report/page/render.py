"""The page as text and as a file: the template filled, under a policy that lets only its own script run."""

from __future__ import annotations

import base64
import hashlib
import importlib.resources
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from gilscope import __version__
from gilscope.core.errors import UnavailableError, UsageError
from gilscope.report.charts import View
from gilscope.report.charts.heat import steps
from gilscope.report.figures import unbroken
from gilscope.report.page.page import result_part
from gilscope.report.palette import CHART_CSS, THEMES, variables
from gilscope.report.svg import Markup, legible

if TYPE_CHECKING:
    import jinja2

REPORT_NAME = "report.html"
_GENERATOR = "gilscope report"  # what the page says made it: only such a file is ever overwritten
MARK = Markup(f'<meta name="generator" content="{_GENERATOR}">')
_HEAD_BYTES = 4096  # our mark is before any style or script

_SCRIPTS = ("base.js", "case.js", "table.js", "page.js")  # in this order: later ones use earlier ones
_HEAT_ROWS = 40  # rows of a heat map shown at once; a button shows the rest
_CHIPS = 12  # cases that a finding names; the table has them all


def render(views: Sequence[View]) -> str:
    """Return the page of some results, in time linear in the cases; raise ``UnavailableError`` without Jinja2."""
    script = "\n".join(_resource(name) for name in _SCRIPTS)
    page = _template().render(
        parts=[result_part(replace(view, ident=f"r{n}"), views[0].answer) for n, view in enumerate(views)],
        policy=_policy(script),
        generator=_GENERATOR,
        version=__version__,
        css=Markup(_themes() + CHART_CSS + _colours() + _resource("report.css")),
        js=Markup(script),
        steps=steps(),
        heat_rows=_HEAT_ROWS,
        chips=_CHIPS,
    )
    return legible(page)


def _template() -> jinja2.Template:
    try:
        import jinja2
    except ImportError:
        raise UnavailableError(
            "the HTML report needs Jinja2", "install it with: pip install 'gilscope[report]'"
        ) from None
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    environment.filters["unbroken"] = unbroken
    return environment.from_string(_resource("page.html.j2"))


def _resource(name: str) -> str:
    return importlib.resources.files("gilscope.report.page").joinpath(name).read_text(encoding="utf-8")


def _policy(script: str) -> str:
    """Forbid everything but this very script and styles: no request, no image, no frame, no form."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    allowed = {"script-src": f"'sha256-{digest}'", "style-src": "'unsafe-inline'", "img-src": "data:"}
    rules = {"default-src": "'none'", **allowed, "base-uri": "'none'", "form-action": "'none'"}
    return "; ".join(f"{name} {value}" for name, value in rules.items())


def _themes() -> str:
    light, dark = variables("light"), variables("dark")
    return (
        f":root{{{light}}}\n"
        f"@media (prefers-color-scheme:dark){{:root:not([data-theme=light]){{{dark}}}}}\n"
        f":root[data-theme=dark]{{{dark}color-scheme:dark}}\n:root[data-theme=light]{{color-scheme:light}}\n"
        f"@media print{{:root:root:root{{{light}color-scheme:light}}}}\n"
    )


def _colours() -> str:
    """Return the backgrounds of heat-map cells and of loss bars: HTML has no fill."""
    rules = {
        "heat": ".h-{1}{{background:var(--{0});color:var(--on-{0})}}\n",
        "loss": ".sw-{1},.key-{0}{{background:var(--{0})}}\n",
    }
    names = (name for name in THEMES["light"] if name.startswith(tuple(rules)))
    return "".join(rules[name[:4]].format(name, name[5:]) for name in names)


def write(path: Path, views: Sequence[View]) -> None:
    """Write a report atomically; UnavailableError without Jinja2, UsageError if the file is no report or unwritable."""
    write_page(path, lambda: render(views))


def write_page(path: Path, page: Callable[[], str]) -> None:
    """Write a page that has ``MARK`` atomically; UsageError if the file is there and has not, or cannot be written."""
    if path.exists() and not _ours(path):
        raise UsageError(f"{str(path)!r} is there already and no report of gilscope: choose another name with --out")
    text = legible(page()).encode("utf-8", "replace")
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_bytes(text)
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise UsageError(f"cannot write {str(path)!r}: {error.strerror}; choose another name with --out") from None


def _ours(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return f'content="{_GENERATOR}"'.encode() in file.read(_HEAD_BYTES)
    except OSError:
        return False
