"""Pages of the documentation site that are made from the code when it is built (a hook of MkDocs).

The command line's reference from its own help, the settings, the JSON Schemas and the columns of tables from the
package, and the navigation of pages that nobody has put anywhere else.
"""

from __future__ import annotations

import html
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

from gilscope.analysis.to_json import json_schema
from gilscope.cli.app import app
from gilscope.cli.options import OPTIONS, Option
from gilscope.core.registry import KERNELS
from gilscope.report.columns import COLUMNS, Column
from gilscope.studies.kinds import json_schema as study_schema

ROOT = Path(__file__).resolve().parents[1]
SCHEMAS = sorted((ROOT / "src" / "gilscope").glob("*/**/*schema*.json"))  # beside the one that is made from types
NAMES = {
    "gilscope.api": ["compare", "Comparison"],
    "gilscope.telemetry.gil": ["GilMonitor"],
    "gilscope.metrics": ["prometheus", "GilMetrics"],
    "gilscope.results": ["load"],
}


def commands() -> Iterator[tuple[str, ...]]:
    """Yield the words of every command, those of command groups too."""
    for command in app.registered_commands:
        yield (str(command.name),)
    for group in app.registered_groups:
        yield (str(group.name),)
        for command in group.typer_instance.registered_commands if group.typer_instance else ():
            yield (str(group.name), str(command.name))


def help_of(words: tuple[str, ...]) -> str:
    """Return what a command says of itself."""
    command = [sys.executable, "-m", "gilscope", *words, "--help"]
    environment = {**os.environ, "COLUMNS": "110", "TERM": "dumb"}
    return subprocess.run(command, capture_output=True, text=True, check=True, env=environment, timeout=60).stdout


def command_line() -> str:
    """Return the page of the command line."""
    parts = ["# Command line", f"```text\n{help_of(()).rstrip()}\n```"]
    for words in commands():
        parts += [f"## gilscope {' '.join(words)}", f"```text\n{help_of(words).rstrip()}\n```"]
    return "\n\n".join(parts) + "\n"


def python_api() -> str:
    """Return the page of the public names, for mkdocstrings to fill."""
    parts = ["# Python", "Everything here is importable from `gilscope`; errors are in `gilscope.core.errors`."]
    for module, names in NAMES.items():
        parts += [f"::: {module}.{name}" for name in names]
    parts.append("::: gilscope.core.errors")
    return "\n\n".join(parts) + "\n"


def json_schemas() -> str:
    """Return the page of the JSON Schemas."""
    parts = ["# JSON Schema", "What [the documents](../schema.md) of `--json` must look like, to validate them by."]
    for schema in (json_schema(), *(json.loads(path.read_text(encoding="utf-8")) for path in SCHEMAS), study_schema()):
        text = json.dumps(schema, indent=2, ensure_ascii=False)
        parts += [f"## {schema['title']}", f"```json\n{text}\n```"]
    return "\n\n".join(parts) + "\n"


PLACES = {
    "terminal": "terminal",
    "reasons": "terminal (where the time went)",
    "page": "report",
    "notebook": "notebook",
    "csv": "CSV",
}
"""Place of a column -> what readers call it."""


def columns() -> str:
    """Return the page of the columns that tables and CSV have."""
    about = (
        "What the columns of tables say, in the terminal, in the report, in notebooks and in CSV. CSV has the names of "
        "the first column; of a figure with an interval it has three fields: `rate`, `rate_low` and `rate_high`."
    )
    table = ["| name | title | what it says | where |", "|---|---|---|---|", *map(_column_line, COLUMNS)]
    return "\n\n".join(["# Columns", about, "\n".join(table)]) + "\n"


def _column_line(column: Column) -> str:
    where = ", ".join(PLACES[place] for place in column.places)
    return f"| `{column.key}` | {column.heading} | {column.help} | {where} |"


def settings() -> str:
    """Return the page of what ``[tool.gilscope]`` may have."""
    about = (
        "Defaults of options, in the nearest `pyproject.toml` that has a table `[tool.gilscope]`. The command line "
        "wins. Values are texts, numbers or lists of them, and mean what they mean on the command line:\n\n"
        '```toml\n[tool.gilscope]\nworkers = [1, 2]\nbudget = "2m"\n```'
    )
    lines = [_setting_line(option) for option in OPTIONS if option.setting]
    table = ["| key | written | what it says | verbs |", "|---|---|---|---|", *lines]
    return "\n\n".join(["# Settings", about, "\n".join(table)]) + "\n"


def _setting_line(option: Option) -> str:
    cells = (f"`{option.name}`", f"`{option.metavar}`", html.escape(option.help, quote=False), ", ".join(option.verbs))
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def on_config(config: Any) -> Any:
    """Put a page per kernel into the navigation, and new pages under "How to"."""
    how_to = next(section["How to"] for section in config.nav if "How to" in section)
    placed = json.dumps(config.nav)
    how_to += [page.name for page in sorted(Path(config.docs_dir).glob("*.md")) if f'"{page.name}"' not in placed]
    config.nav.insert(-1, {"Kernels": [{name: f"kernels/{name}.md"} for name in KERNELS]})
    return config


def on_page_content(content: str, page: Any, config: Any, files: Files) -> str:
    """Put measured pictures into the page itself, where they take its colours: dark ones too."""
    folder = Path(config.docs_dir, page.file.src_uri).parent

    def drawn(found: re.Match[str]) -> str:
        return f"<figure>{(folder / found[1]).read_text(encoding='utf-8')}</figure>"

    return re.sub(r'<p><img alt="[^"]*" src="(images/[\w-]+\.svg)" ?/?></p>', drawn, content)


def on_files(files: Files, config: Any) -> Files:
    """Add the generated pages."""
    pages = {
        "reference/cli.md": command_line,
        "reference/api.md": python_api,
        "reference/settings.md": settings,
        "reference/columns.md": columns,
        "reference/json-schema.md": json_schemas,
    }
    for path, make in pages.items():
        files.append(File.generated(config, path, content=make()))
    return files
