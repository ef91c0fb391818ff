"""Documents that were stored are read into types, and written again as they were."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gilscope.analysis.program import ProgramReport
from gilscope.core.trace import StoredTrace, trace_document
from gilscope.core.typed import read
from gilscope.studies.audit import Audit
from gilscope.tour._shown import Tour
from tests.report.traces import two_sleeps

EXAMPLES = Path(__file__).parents[1] / "docs" / "examples"
STORED: dict[str, Callable[[Any], Any]] = {
    "gil_count": ProgramReport.of,
    "gil_hash": ProgramReport.of,
    "audit_calls": Audit.of,
    "audit_modules": Audit.of,
    "tour": Tour.of,
}

NEWER = ("held_long_run", "waiting_long_run", "realtime", "latency", "stacks", "stacks_reason")
_OF_MODULES = ("deferred", "switched_on_in", "unresolved")
_OF_CALLS = ("package", "sizes", "changes")


@pytest.mark.parametrize("name", STORED)
def test_what_is_read_is_written_as_it_was(name: str) -> None:
    text = (EXAMPLES / f"{name}.json").read_text(encoding="utf-8")
    again = json.loads(json.dumps(STORED[name](json.loads(text)).to_json()))
    for newer in NEWER:  # unknown of files of before
        assert not again.get("gil", {}).pop(newer, None)
    for module in again.get("modules", ()):
        for newer in _OF_MODULES:
            assert not module.pop(newer, None)
    for call in again.get("calls", ()):
        for newer in _OF_CALLS:
            assert not call.pop(newer, None)
    assert again == json.loads(text)


@pytest.mark.parametrize("name", STORED)
def test_another_document_is_refused_in_one_line(name: str) -> None:
    with pytest.raises(ValueError, match=r"^\w+\.\w+ is missing or not as it should be$"):
        STORED[name]({"schema": "another", "chapters": [{}], "modules": [{}]})


def test_a_trace_is_what_was_kept_of_it() -> None:
    document = trace_document(two_sleeps())
    stored = read(StoredTrace, json.loads(json.dumps(document)))
    assert stored == StoredTrace.of(two_sleeps())
    assert StoredTrace.of(stored.trace("two sleeps")) == stored
