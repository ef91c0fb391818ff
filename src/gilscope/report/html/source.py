"""What a page is made from: a result with its analysis, and the studies that lie beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gilscope.analysis import analyse
from gilscope.records import ResultSet
from gilscope.report.facts import Document
from gilscope.results import load
from gilscope.studies.kinds import StudyDocument, studies_in

__all__ = ["Source", "read_source"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One result.

    Parameters
    ----------
    document : mapping
        The analysis document.
    measured : ResultSet or None
        The rounds, for the timelines.
    studies : mapping
        Documents of metg, ipc and startup by name.
    cautions : sequence of str
        What could not be read.
    """

    document: Document
    measured: ResultSet | None = None
    studies: Mapping[str, StudyDocument] = field(default_factory=dict)
    cautions: tuple[str, ...] = ()


def read_source(path: Path, document: Document | None = None) -> Source:
    """Read a result file and the studies in its folder, or the studies of a folder that has no result.

    Parameters
    ----------
    path : Path
        The file; the folder where there are studies alone.
    document : mapping, optional
        Its analysis, where that is known already.

    Raises
    ------
    ResultFileError
        If the result cannot be read.
    """
    studies, cautions = studies_in(path if path.is_dir() else path.parent)
    cautions += tuple(
        f"{study.study} was stopped after {study.blocks} blocks: go on with it by --resume"
        for study in studies.values()
        if study.interrupted
    )
    if path.is_dir():
        return Source(document=_without_cases(path, studies), studies=studies, cautions=cautions)
    measured = load(path)
    return Source(document=document or analyse(measured), measured=measured, studies=studies, cautions=cautions)


def _without_cases(folder: Path, studies: Mapping[str, StudyDocument]) -> Document:
    """Return the analysis of nothing, on the machine of the studies."""
    first = next(iter(studies.values()), None)
    empty: dict[str, Any] = {name: [] for name in ("cases", "controls", "kernels", "findings", "warnings")}
    return {
        **empty,
        "result": str(folder),
        "tool_version": "" if first is None else first.tool_version,
        "study": {},
        "environment": {} if first is None else first.environment,
        "not_analysed": {},
    }
