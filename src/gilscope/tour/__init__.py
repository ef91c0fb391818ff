"""The tour: the concepts of concurrency, each a small measured experiment with its sequence diagram.

A chapter is a module with a ``CHAPTER``; adding one is a file and its name here.
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
    "interpreters",
    "asyncio",
    "cpu",
    "lifecycle",
    "synchronization",
    "ipc",
    "isolation",
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
