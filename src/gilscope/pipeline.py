"""The entrance of ``run`` and ``profile``: measure into a file, analyse what the file says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from gilscope.analysis import Answer, analyse
from gilscope.analysis.matrix import OPEN, outcome
from gilscope.analysis.rows import MEASURED
from gilscope.measure.engine import Subject, measure
from gilscope.measure.events import Observer
from gilscope.results import load
from gilscope.results.schema import RESULT_NAME


def run(subject: Subject, out: Path, *, observer: Observer | None = None, resume: bool = False) -> Answer:
    """Measure kernels (``engine.Kernels``) or functions (``functions.Functions``) and analyse the result.

    ``out`` is the folder of ``result.jsonl``, made if necessary; with ``resume`` the blocks of the result in it count
    and are not measured again. It ends before the budget does where every case is precise enough and decided. The
    answer is ``interrupted`` if Ctrl-C ended it early. Raises UsageError if nothing requested can be measured, or
    ``out`` cannot be written or resumed.
    """
    path = out / RESULT_NAME

    def enough(kernel: str, precise: bool) -> bool:
        if not precise:
            return False
        rows = [row for row in analyse(load(path)).rows if row.case.kernel == kernel and not row.case.is_single]
        return all(outcome(row) != OPEN for row in rows if row.status in MEASURED)

    complete = measure(subject, path, observer=observer, resume=resume, enough=enough)
    return replace(analyse(load(path)), interrupted=not complete)
