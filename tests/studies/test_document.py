"""One envelope for all studies; the schema, made from the types, refuses what is not described."""

from __future__ import annotations

import copy
import json
import random
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from gilscope.core.errors import ForeignFileError, NewerSchemaError, ResultFileError
from gilscope.studies.document import to_json
from gilscope.studies.kinds import FILE_NAMES, json_schema, load_study, of_json, studies_in, study_files
from tests.faults.mutations import WORDS, places
from tests.validators import keeps_to

E = {"value": 2.0, "low": 1.0, "high": None, "confidence": 0.95, "blocks": 9}
BASE = {"schema": "gilscope.study", "schema_version": 1, "tool_version": "0.1.0", "environment": {}, "asked": {}}
ROW = {"label": "threads", "executor": "threads", "start_method": "", "status": "ok", "reason": "", "cure": ""}
METG = {
    **ROW,
    "implementation": "cy_nogil",
    "interpreter": "",
    "workers": 2,
    "pattern": "steps",
    "tasks_per_worker": 1,
    "dispatch": "static",
    "basis": "as timed",
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


def made(study: str, rows: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    return {
        **BASE,
        "study": study,
        "blocks": 9,
        "interrupted": False,
        "rows": rows,
        "controls": {},
        "notes": [],
        **more,
    }


WHOLE = [
    made("metg", [METG], controls={"spin": E}),
    made("startup", [STARTUP]),
    made("ipc", [TRANSFER, JOB], notes=["a note"]),
]


@pytest.mark.parametrize("whole", WHOLE, ids=lambda whole: str(whole["study"]))
def test_a_document_is_read_and_written_as_it_was(whole):
    keeps_to(whole, json_schema)
    found = to_json(of_json(whole, "it"))
    assert {**found, "asked": {}} == whole
    assert tuple(found) == (
        "schema",
        "schema_version",
        "study",
        "tool_version",
        "environment",
        "asked",
        "blocks",
        "interrupted",
        "rows",
        "controls",
        "notes",
    )


@pytest.mark.parametrize("whole", WHOLE, ids=lambda whole: str(whole["study"]))
def test_what_a_library_refuses_is_refused_in_one_line(whole):
    generator, validator = random.Random(1), jsonschema.Draft202012Validator(json_schema())
    refused = 0
    for _ in range(100):
        changed = copy.deepcopy(whole)
        holder, key = generator.choice(places(changed))
        holder[key] = generator.choice(WORDS)
        said = ""
        try:
            of_json(changed, "it")
        except (ForeignFileError, NewerSchemaError, ResultFileError) as error:
            said = str(error)
        assert "\n" not in said
        if not validator.is_valid(changed):
            assert said, changed
            refused += 1
    assert refused > 20


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1, 1e300, 5e-324])
def test_a_number_that_nothing_could_draw_is_out_of_range(number):
    changed = copy.deepcopy(WHOLE[0])
    changed["rows"][0]["task_s"] = {**E, "value": number}
    with pytest.raises(ResultFileError, match=r"it.rows\[0\].task_s.value is out of range"):
        of_json(changed, "x.json")


@pytest.mark.parametrize(
    ("study", "row"),
    [("metg", STARTUP), ("startup", METG), ("ipc", METG), ("metg", {**METG, "status": "fine"}), ("tea", METG)],
)
def test_what_is_not_described_is_refused(study, row):
    with pytest.raises(jsonschema.ValidationError):
        keeps_to(made(study, [row]), json_schema)
    with pytest.raises((ForeignFileError, ResultFileError)):
        of_json(made(study, [row]), "it")


def test_the_schema_is_a_schema_and_names_every_field():
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    assert set(schema["$defs"]["MetgRow"]["required"]) == set(METG) - {
        "basis",
        "interpreter",
        "start_method",
        "status",
        "reason",
        "cure",
    }


# Folders --------------------------------------------------------------------------------------------------------------


def test_documents_of_earlier_versions_are_read(tmp_path: Path):
    (tmp_path / "metg.json").write_text(json.dumps(WHOLE[0]))
    found, cautions = studies_in(tmp_path)
    assert ({name: to_json(one)["rows"] for name, one in found.items()}, cautions) == ({"metg": [METG]}, ())
    assert load_study(tmp_path / "metg.json") == found["metg"]
    assert study_files(tmp_path) == {"metg": tmp_path / "metg.json"}


def test_of_two_forms_the_one_that_is_written_today_counts(tmp_path: Path):
    for name in FILE_NAMES:
        (tmp_path / name).touch()
    assert {path.suffix for path in study_files(tmp_path).values()} == {".jsonl"}
    found, cautions = studies_in(tmp_path)
    assert found == {}
    assert cautions[0] == "metg.jsonl is left out: is empty: nothing was measured"
