"""One envelope for all studies; what JSON cannot hold is null; the schema refuses what is not described."""

from __future__ import annotations

import json
import math
from pathlib import Path

import jsonschema
import pytest

from gilscope import __version__
from gilscope.stats import Estimate
from gilscope.studies.document import document, estimate_fields, json_schema, medians, write

E = {"value": 2.0, "low": 1.0, "high": None, "confidence": 0.95, "blocks": 9}
ROW = {"label": "threads", "executor": "threads", "start_method": "", "status": "ok", "reason": "", "cure": ""}
METG = {
    **ROW,
    "implementation": "cy_nogil",
    "workers": 2,
    "pattern": "steps",
    "tasks_per_worker": 1,
    "dispatch": "static",
    "metg_s": E,
    "task_s": E,
    "relative_metg_s": None,
    "empty_task_s": None,
    "curve": [{"steps": 10, "task_s": E, "granularity_s": E, "efficiency": E}],
}
STARTUP = {
    **ROW,
    "workers": 2,
    **dict.fromkeys(("import_s", "create_s", "join_s", "total_s", "again_s"), E),
    "pss_bytes": None,
    "pss_reason": "this system does not tell",
}
TRANSFER = {**ROW, "kind": "transfer", "channel": "pipe", "bytes": 1024, "seconds": E, "bandwidth_bytes_per_s": E}
STAGES = ("start", "import", "pickle", "transfer", "unpickle", "compute", "return", "tear_down")
JOB = {**ROW, "kind": "job", "bytes": 1024, "stages_s": dict.fromkeys(STAGES, E), "total_s": E}


def made(study, rows, **more):
    return document(study, environment={}, asked={}, blocks=9, rows=rows, **more)


@pytest.mark.parametrize(("study", "rows"), [("metg", [METG]), ("startup", [STARTUP]), ("ipc", [TRANSFER, JOB])])
def test_the_rows_of_each_study_are_described_by_the_schema(study, rows):
    found = made(study, rows, controls={"spin": E}, notes=["said"])
    jsonschema.validate(found, json_schema())
    assert found["tool_version"] == __version__


@pytest.mark.parametrize(
    ("study", "row"),
    [("metg", STARTUP), ("startup", METG), ("ipc", METG), ("metg", {**METG, "status": "fine"}), ("tea", METG)],
)
def test_the_schema_refuses_what_it_does_not_describe(study, row):
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(made(study, [row]), json_schema())


def test_an_end_beyond_the_measured_is_null_and_a_value_beyond_it_is_none():
    found = estimate_fields(Estimate(value=2.0, low=1.0, high=math.inf, confidence=0.95, n=9))
    assert found == E
    assert estimate_fields(Estimate(value=math.inf, low=1.0, high=math.inf, confidence=0.95, n=9)) is None
    assert estimate_fields(None) is None


def test_medians_of_blocks_carry_their_interval():
    found = medians([3.0, 1.0, 2.0])
    assert found is not None
    assert (found["value"], found["low"], found["high"], found["confidence"]) == (2.0, 1.0, 3.0, 0.75)
    assert medians([]) is None


def test_a_study_is_written_under_its_name(tmp_path: Path):
    path = write(made("metg", [METG]), tmp_path)
    assert path.name == "metg.json"
    assert json.loads(path.read_text(encoding="utf-8"))["rows"] == [METG]
