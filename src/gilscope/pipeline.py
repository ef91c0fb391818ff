"""The whole program: spec -> plan -> run -> measure -> model -> report. ``run`` and ``profile`` both go through it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from gilscope.analysis import Answer, analyse
from gilscope.measure.engine import Subject, measure
from gilscope.measure.events import Observer
from gilscope.results import load
from gilscope.results.schema import RESULT_NAME

__all__ = ["RESULT_NAME", "run"]


def run(subject: Subject, out: Path, *, observer: Observer | None = None, resume: bool = False) -> Answer:
    """Measure kernels or functions and analyse what was measured.

    Parameters
    ----------
    subject : Subject
        ``measure.engine.Kernels`` or ``measure.functions.Functions``.
    out : Path
        Folder that receives ``result.jsonl``; made if it does not exist.
    resume : bool
        Go on with the result in ``out``: its blocks count, and are not measured again.

    Returns
    -------
    Answer
        ``interrupted`` is true when Ctrl-C ended it early.

    Raises
    ------
    UsageError
        If nothing of what was asked can be measured, or ``out`` cannot be written, or holds what cannot be resumed.
    """
    path = out / RESULT_NAME
    complete = measure(subject, path, observer=observer, resume=resume)
    return replace(analyse(load(path)), interrupted=not complete)
