"""What a page is made from: a result with its answer, and the studies beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gilscope.analysis import Answer, analyse
from gilscope.records import ResultSet
from gilscope.report.charts import STUDY_CHARTS
from gilscope.report.charts.model import Study
from gilscope.results import load
from gilscope.results.environment import check_environment
from gilscope.results.reader import MALFORMED, parse_object
from gilscope.studies.document import SCHEMA, SCHEMA_VERSION, json_schema
from gilscope.studies.shape import misshapen

__all__ = ["Source", "read_source", "studies_in"]

MAX_STUDY_BYTES = 64 << 20
"""A study of ten thousand rows has a few MB. Larger files are not ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One result.

    Parameters
    ----------
    answer : Answer
    measured : ResultSet or None
        The rounds, for the timelines.
    studies : mapping
        Documents of metg, ipc and startup by name.
    cautions : sequence of str
        What could not be read.
    """

    answer: Answer
    measured: ResultSet | None = None
    studies: Mapping[str, Study] = field(default_factory=dict)
    cautions: tuple[str, ...] = ()


def read_source(path: Path, answer: Answer | None = None) -> Source:
    """Read a result file and the studies in its folder, or the studies of a folder that has no result.

    Parameters
    ----------
    path : Path
        The file; the folder where there are studies alone.
    answer : Answer, optional
        Where it is known already.

    Raises
    ------
    ResultFileError
        If the result cannot be read.
    """
    studies, cautions = studies_in(path if path.is_dir() else path.parent)
    if path.is_dir():
        return Source(answer=_without_cases(path, studies), studies=studies, cautions=cautions)
    measured = load(path)
    return Source(answer=answer or analyse(measured), measured=measured, studies=studies, cautions=cautions)


def _without_cases(folder: Path, studies: Mapping[str, Study]) -> Answer:
    """Return the answer to nothing, on the machine of the studies."""
    first = next(iter(studies.values()), {})
    version = str(first.get("tool_version", ""))
    return Answer(result=str(folder), tool_version=version, environment=first.get("environment") or {})


def studies_in(folder: Path) -> tuple[dict[str, Study], tuple[str, ...]]:
    """Return the studies of a folder, and what was wrong with files that should be some."""
    found: dict[str, Study] = {}
    cautions = []
    for name in STUDY_CHARTS:
        path = folder / f"{name}.json"
        if not path.is_file():
            continue
        try:
            document = _parsed(path)
        except OSError as error:
            cautions.append(f"{path.name} cannot be read: {error.strerror}")
            continue
        except MALFORMED:
            cautions.append(f"{path.name} is left out: it is no JSON document")
            continue
        trouble = _trouble(document, name)
        if trouble:
            cautions.append(f"{path.name} is left out: {trouble}")
        else:
            found[name] = document
    return found, tuple(cautions)


def _parsed(path: Path) -> Study:
    with path.open("rb") as file:
        data = file.read(MAX_STUDY_BYTES + 1)
    if len(data) > MAX_STUDY_BYTES:
        raise ValueError(f"more than {MAX_STUDY_BYTES} bytes")
    return parse_object(data)


def _trouble(document: Study, name: str) -> str:
    """Say why a document is no study that can be drawn; empty if it is."""
    if document.get("schema") != SCHEMA or document.get("study") != name:
        return f"it is no document of gilscope {name}"
    version = document.get("schema_version")
    if isinstance(version, int) and version > SCHEMA_VERSION:
        return "it was written by a newer gilscope: update with pip install -U gilscope"
    trouble = misshapen(document, json_schema())
    if trouble:
        return f"it is damaged: {trouble}"
    try:
        check_environment(document["environment"])
    except ValueError as error:
        return f"it is damaged: {error}"
    return ""
