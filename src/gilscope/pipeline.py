"""The entrance of ``run`` and ``profile``: measure into a file, analyse what the file says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from gilscope.analysis import Answer, analyse
from gilscope.measure.engine import Subject, measure
from gilscope.measure.events import Observer
from gilscope.results import load
from gilscope.results.schema import RESULT_NAME


def run(subject: Subject, out: Path, *, observer: Observer | None = None, resume: bool = False) -> Answer:
    """Measure kernels (``engine.Kernels``) or functions (``functions.Functions``) and analyse the result.

    ``out`` is the folder of ``result.jsonl``, made if necessary; with ``resume`` the blocks of the result in it count
    and are not measured again. The answer is ``interrupted`` if Ctrl-C ended it early. Raises UsageError if nothing
    requested can be measured, or ``out`` cannot be written or resumed.
    """
    path = out / RESULT_NAME
    complete = measure(subject, path, observer=observer, resume=resume)
    return replace(analyse(load(path)), interrupted=not complete)
