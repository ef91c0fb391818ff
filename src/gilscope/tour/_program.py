"""Programs of the tour: plain Python with marks in comments, which say what is recorded when the tour runs it.

========================  ======================================================================
``#: NAME``               the statement is a span of the lane that runs it; ``#: wait: NAME`` has
                          a category. Of a ``with`` statement only entering it is. The category
                          ``gil`` records who holds the GIL meanwhile
``#> LANE: TEXT``         before the statement, the lane tells another one something
``#< LANE: TEXT``         after the statement
``#= NAME: EXPRESSION``   after the statement, the value is kept: ``result`` for the judge
========================  ======================================================================

``#2> LANE: TEXT`` is for the first two times only, and ``LANE>OTHER`` speaks for another lane. Names and texts are
f-strings of the program. Lanes are names of threads, processes and tasks; that of the first thread is ``main``.
"""

from __future__ import annotations

import ast
import io
import os
import re
import subprocess
import sys
import tokenize
from collections.abc import Mapping
from itertools import chain
from pathlib import Path

from gilscope.core.trace import CATEGORIES, Recorder
from gilscope.tour._marks import EVENTS_VARIABLE

_MARK = re.compile(r"#(\d*)([:<>=]) (?:(\w+>\w+|\w+|\{[^}]*\}): )?((?:(?!  #\d*[:<>=] ).)+)")
_LIMIT_S = 120.0
_HEAD = "from gilscope.tour import _marks\n"


def shown(text: str) -> str:
    """Return a program as readers see it, without marks."""
    return re.sub(r"(?m)  #\d*[:<>=] .*$", "", text)


def run(text: str, log: Recorder, folder: Path) -> str:
    """Run a program that records into ``log``; return why it failed, or an empty text."""
    path = folder / "program.py"
    path.write_text(_HEAD + ast.unparse(recording(text)) + "\n", encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), EVENTS_VARIABLE: log.path}
    command = [sys.executable, path.name]
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, env=environment, timeout=_LIMIT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return f"the program took longer than {_LIMIT_S:.0f} s"
    complaint = done.stderr.strip().splitlines() or [""]
    return f"the program ended with status {done.returncode}: {complaint[-1]}" if done.returncode else ""


def recording(text: str) -> ast.Module:
    """Return a program in which the marks have become statements."""
    comments = {
        token.start[0]: _MARK.findall(token.string)
        for token in tokenize.generate_tokens(io.StringIO(text).readline)
        if token.type == tokenize.COMMENT
    }
    module: ast.Module = _Recording(comments).visit(ast.parse(text))
    return ast.fix_missing_locations(module)


class _Recording(ast.NodeTransformer):
    def __init__(self, comments: Mapping[int, list[tuple[str, ...]]]) -> None:
        self._comments = comments

    def generic_visit(self, node: ast.AST) -> ast.AST | list[ast.AST]:  # type: ignore[override]
        if not isinstance(node, ast.stmt):
            return super().generic_visit(node)
        body = getattr(node, "body", None)
        last = body[0].lineno - 1 if body else node.end_lineno or node.lineno
        visited = super().generic_visit(node)
        before: list[ast.AST] = []
        after: list[ast.AST] = []
        marks = chain(*(self._comments.get(line, ()) for line in range(node.lineno, last + 1)))
        for times, sign, name, rest in marks:
            if sign == ":":
                visited = _span(visited, rest if name in CATEGORIES or not name else f"{name}: {rest}", name)
            else:
                told = f"_marks.tell(f{name!r}, f{rest!r}, {times or 0})"
                call = f"_marks.keep(f{name!r}, {rest})" if sign == "=" else told
                (before if sign == ">" else after).extend(ast.parse(call).body)
        return [*before, visited, *after]


def _span(statement: ast.AST, name: str, category: str) -> ast.AST:
    """Return the statement within a span; of a ``with`` statement only entering it."""
    text = f"_marks.span(f{name!r}, {category if category in CATEGORIES else 'compute'!r})"
    if isinstance(statement, ast.With):
        first = statement.items[0]
        entering = ast.parse(f"_marks.entering({text}, 0)", mode="eval").body
        assert isinstance(entering, ast.Call)
        entering.args[1] = first.context_expr
        first.context_expr = entering
        return statement
    around = ast.parse(f"with {text}:\n    pass").body[0]
    assert isinstance(around, ast.With)
    around.body = [statement]  # type: ignore[list-item]
    return around
