"""The tour: the concepts of concurrency, each a small measured experiment with its sequence diagram.

A chapter is written in ``chapters/``, its text and its programs; its module says how each claim is judged, and its name
is here.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gilscope.tour._model import Chapter

__all__ = ["CHAPTERS", "load_chapter"]

CHAPTERS = (
    "single",
    "threads",
    "processes",
    "synchronization",
    "lifecycle",
    "ipc",
    "isolation",
    "asyncio",
    "interpreters",
    "cpu",
    "gil",
    "native",
    "cores",
)


def load_chapter(name: str) -> Chapter:
    """Return a chapter by its name in ``CHAPTERS``."""
    # A module named asyncio beside others that import asyncio invites confusion.
    module = importlib.import_module(f"gilscope.tour.{name if name != 'asyncio' else 'asyncio_'}")
    chapter: Chapter = module.CHAPTER
    return chapter
