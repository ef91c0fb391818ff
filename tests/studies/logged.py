"""Studies measured into a file and read back, as the program does it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gilscope.studies.document import to_json
from gilscope.studies.engine import carry_out
from gilscope.studies.kinds import json_schema, load_study
from gilscope.studies.record import Kind, StudyLog, StudyRecord
from tests.validators import keeps_to


def log_of(kind: Kind[Any, Any, Any, Any], request: Any, path: Path) -> StudyLog[Any, Any, Any, Any]:
    """Begin a study in a file."""
    return StudyLog(kind, StudyRecord(path=str(path), asked=request, environment={}))


def document_of(
    kind: Kind[Any, Any, Any, Any],
    request: Any,
    measure: Callable[[StudyLog[Any, Any, Any, Any]], None],
    folder: Path | None = None,
    *,
    resume: bool = False,
) -> dict[str, Any]:
    """Measure a study into ``folder`` (one of its own if None); return its document, which the schema describes."""
    with tempfile.TemporaryDirectory() as other:
        path = (folder or Path(other)) / kind.file_name
        found = carry_out(kind, path, request, {}, measure, resume=resume)
        assert load_study(path) == found
    document: dict[str, Any] = to_json(found)
    keeps_to(document, json_schema)
    return document
