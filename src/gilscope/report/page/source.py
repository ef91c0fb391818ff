"""What a page is made from: a result with its answer, and the studies beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gilscope.analysis import Answer, analyse
from gilscope.core.records import ResultSet
from gilscope.results import load
from gilscope.studies.kinds import StudyDocument, studies_in

__all__ = ["Source", "read_source"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One result: its answer, the rounds for the timelines, studies by name, and what could not be read."""

    answer: Answer
    measured: ResultSet | None = None
    studies: Mapping[str, StudyDocument] = field(default_factory=dict)
    cautions: tuple[str, ...] = ()


def read_source(path: Path, answer: Answer | None = None) -> Source:
    """Read a result file and the studies in its folder, or the studies of a folder that has no result.

    ``answer`` is given where it is known already. An unreadable result raises ``ResultFileError``.
    """
    studies, cautions = studies_in(path if path.is_dir() else path.parent)
    cautions += tuple(
        f"{study.study} was stopped after {study.blocks} blocks: go on with it by --resume"
        for study in studies.values()
        if study.interrupted
    )
    if path.is_dir():
        return Source(answer=_without_cases(path, studies), studies=studies, cautions=cautions)
    measured = load(path)
    return Source(answer=answer or analyse(measured), measured=measured, studies=studies, cautions=cautions)


def _without_cases(folder: Path, studies: Mapping[str, StudyDocument]) -> Answer:
    """Return the answer to nothing, on the machine of the studies."""
    first = next(iter(studies.values()), None)
    if first is None:
        return Answer(result=str(folder))
    return Answer(result=str(folder), tool_version=first.tool_version, environment=first.environment)
