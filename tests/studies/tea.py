"""A study that is quick: how long tea takes, by the pot."""

from __future__ import annotations

from dataclasses import dataclass

from gilscope.studies.document import Envelope, StudyRow
from gilscope.studies.record import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class TeaRequest:
    pots: tuple[str, ...] = ("a", "b")
    budget_s: float = 20.0
    seed: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Cup:
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TeaDocument(Envelope):
    study: str = "tea"
    asked: TeaRequest


TEA = Kind(
    name="tea",
    request=TeaRequest,
    row=StudyRow,
    plan=Cup,
    sample=Cup,
    document_type=TeaDocument,
    measured=lambda row, samples, controls: row,
    notes=lambda request: (f"{len(request.pots)} pots",),
)


def pot(name: str) -> StudyRow:
    return StudyRow(label=name, executor="threads")
