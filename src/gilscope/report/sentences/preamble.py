"""What is said before the user's functions are imported and run."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gilscope.measure.own import Request

__all__ = ["preamble"]


def preamble(request: Request) -> str:
    """Say in one line what will be imported and run."""
    args, kwargs = ast.literal_eval(request.arguments)
    words = [*(f"{value!r:.60}" for value in args), *(f"{name}={value!r:.60}" for name, value in kwargs.items())]
    words = (["item"] if request.items else []) + (["*made"] if request.setup else []) + words
    calls = [f"{function.target}({', '.join(words)})" for function in request.functions]
    others = {"arguments by": request.setup, "items by": request.items, "checked by": request.check}
    more = [f"{what} {target}" for what, target in others.items() if target]
    return f"imports from {request.folder} and calls {', '.join([*calls, *more])}; one call is one task"
