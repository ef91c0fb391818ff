"""METG(50 %): how small a task may be before an executor spends more time on handing it out than on the work.

The minimum effective task granularity of Task Bench (Slaughter et al., SC'20): the size of tasks is swept, and the
smallest is sought with which p workers still do half of what p serial loops would. Its own serial rate, measured in the
same seconds, is what a task is held against; nothing is entered by hand.
"""

from __future__ import annotations

from gilscope.studies.metg.model import METG, document_of
from gilscope.studies.metg.rows import MetgDocument, MetgLog, MetgRow, batches_of
from gilscope.studies.metg.sweep import measure
from gilscope.studies.metg.ways import PATTERNS, Contender, MetgCell, MetgRequest, Pattern, cells_of, ways_of

__all__ = [
    "METG",
    "PATTERNS",
    "MetgCell",
    "MetgDocument",
    "MetgLog",
    "MetgRequest",
    "MetgRow",
    "Pattern",
    "Contender",
    "batches_of",
    "cells_of",
    "document_of",
    "measure",
    "ways_of",
]
