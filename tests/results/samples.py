"""A small result that the tests of this folder write, damage and read."""

from __future__ import annotations

from gilscope.core.cases import Case, Study
from gilscope.core.records import Block, CaseRecord, Round

STUDY = Study(kernels=("nbody",), implementations=("cy_nogil",), executors=("threads",), workers=(1, 2))
ENVIRONMENT = {"cpus": {"count": 2}, "interpreter": {"label": "3.11"}}
CASE = Case(kernel="nbody", implementation="cy_nogil", executor="threads", workers=2, size="M")
RECORD = CaseRecord(case=CASE, repeats=4)


def block(index: int) -> Block:
    """Return the block of a number; no two are alike."""
    measured = Round(repeats=4, start_ns=100 + index, end_ns=1100 + index)
    return Block(kernel="nbody", index=index, started_ns=index, ended_ns=2000 + index, rounds={CASE.id: measured})
