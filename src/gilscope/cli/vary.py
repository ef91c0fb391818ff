"""``gilscope profile --vary n=...``: from which value of an argument on does it pay to run in parallel?"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gilscope.analysis import Answer
from gilscope.cli import exit_status
from gilscope.cli.folder import output_folder
from gilscope.cli.output import emit_document
from gilscope.cli.progress import watch
from gilscope.core.errors import UsageError
from gilscope.core.units import parse_bytes
from gilscope.report.varied import VARIED_NAME, Varied, render_varied

if TYPE_CHECKING:
    from gilscope.kernels.user import Request
    from gilscope.profile.functions import Options

_EXAMPLE = "write it like --vary n=1000,10000,100000"


def parse_vary(text: str) -> tuple[str, tuple[Any, ...]]:
    """Read ``n=1000,10000`` or ``n=1KiB,1MiB`` as a name and at least two values; UsageError for anything else."""
    name, equals, rest = text.partition("=")
    parts = [part.strip() for part in rest.split(",")]
    if not (equals and name.strip().isidentifier()) or len(set(parts)) < 2 or not all(parts):
        raise UsageError(f"--vary {text!r} does not name an argument and several values of it: {_EXAMPLE}")
    return name.strip(), tuple(dict.fromkeys(map(_value, parts)))


def _value(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return parse_bytes(text, what="--vary", example='n=1000,10000, n=64KiB,1MiB or name=\'"a","b"\'')


def vary(requests: Sequence[tuple[Any, Request]], name: str, study: Options, *, out: str | None, how: Any) -> int:
    """Measure a function with each value in a folder of its own, for equal parts of the time, and print where it pays.

    ``how`` has ``quiet`` and ``json``.
    """
    from gilscope.api import measure_functions

    each = replace(study, budget_s=study.budget_s / len(requests))
    answers: list[Answer] = []
    with output_folder(out, name=VARIED_NAME) as folder:
        for value, request in requests:
            with watch(quiet=how["quiet"], budget_s=each.budget_s, first=f"{name} = {value!r}") as observer:
                answers.append(measure_functions(request, each, folder / _folder_name(name, value), observer=observer))
            if answers[-1].interrupted:
                break
        found = Varied.of(name, [value for value, _ in requests], answers, folder)
    emit_document(found.to_json(), partial(render_varied, found), json=how["json"])
    return max(map(exit_status, answers))


def _folder_name(name: str, value: Any) -> str:
    kept = "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in str(value))
    return str(Path(f"{name}={kept}"[:100]))
