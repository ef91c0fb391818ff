"""METG(50 %): how small a task may be before an executor spends more time on handing it out than on the work.

The minimum effective task granularity of Task Bench (Slaughter et al., SC'20): the size of tasks is swept for the
smallest with which p workers still do half of what p serial loops would. The reference is the serial rate measured in
the same seconds; nothing is entered by hand.
"""

from gilscope.studies.metg.model import METG
from gilscope.studies.metg.rows import MetgDocument, MetgLog, MetgRow, batches_of
from gilscope.studies.metg.sweep import measure
from gilscope.studies.metg.ways import PATTERNS, Contender, MetgCell, MetgRequest, Pattern, cells_of, ways_of

__all__ = ["METG", "PATTERNS", "Contender", "MetgCell", "MetgDocument", "MetgLog", "MetgRequest", "MetgRow", "Pattern",
           "batches_of", "cells_of", "measure", "ways_of"]  # fmt: skip
