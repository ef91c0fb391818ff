"""What a page is made from: a result with its analysis, and the studies that lie beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gilscope.analysis import analyse
from gilscope.records import ResultSet
from gilscope.report.charts import STUDY_CHARTS
from gilscope.report.facts import Document
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
    studies: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
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
    if path.is_dir():
        return Source(document=_without_cases(path, studies), studies=studies, cautions=cautions)
    measured = load(path)
    return Source(document=document or analyse(measured), measured=measured, studies=studies, cautions=cautions)


def _without_cases(folder: Path, studies: Mapping[str, Mapping[str, Any]]) -> Document:
    """Return the analysis of nothing, on the machine of the studies."""
    first = next(iter(studies.values()), {})
    empty: dict[str, Any] = {name: [] for name in ("cases", "controls", "kernels", "findings", "warnings")}
    return {
        **empty,
        "result": str(folder),
        "tool_version": str(first.get("tool_version", "")),
        "study": {},
        "environment": first.get("environment") or {},
        "not_analysed": {},
    }


def studies_in(folder: Path) -> tuple[dict[str, Mapping[str, Any]], tuple[str, ...]]:
    """Return the studies of a folder, and what was wrong with files that should be some."""
    found: dict[str, Mapping[str, Any]] = {}
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


def _parsed(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        data = file.read(MAX_STUDY_BYTES + 1)
    if len(data) > MAX_STUDY_BYTES:
        raise ValueError(f"more than {MAX_STUDY_BYTES} bytes")
    return parse_object(data)


def _trouble(document: Mapping[str, Any], name: str) -> str:
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
