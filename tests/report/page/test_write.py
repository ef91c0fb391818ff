"""Writing the page: an older report is replaced, anything else is left alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gilscope.core.errors import UnavailableError, UsageError
from gilscope.report.charts import View
from gilscope.report.page import read_view, write
from gilscope.studies.document import to_json
from tests.report.answers import mandelbrot
from tests.report.studies import ipc, metg

SOURCE = View(answer=mandelbrot())


def test_an_older_report_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    write(path, [SOURCE])
    first = path.read_bytes()
    write(path, [SOURCE, SOURCE])
    assert path.read_bytes() != first
    assert list(tmp_path.iterdir()) == [path]


def test_the_file_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "index.html"
    path.write_text("<html>mine</html>")
    with pytest.raises(UsageError, match="no report of gilscope"):
        write(path, [SOURCE])
    assert path.read_text() == "<html>mine</html>"


def test_a_folder_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="choose another name with --out"):
        write(tmp_path / "nowhere" / "report.html", [SOURCE])


def test_without_jinja2_the_cure_is_named_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "jinja2", None)
    with pytest.raises(UnavailableError, match=r"pip install 'gilscope\[report\]'"):
        write(tmp_path / "report.html", [SOURCE])
    assert not list(tmp_path.iterdir())


EXAMPLE = Path(__file__).parents[3] / "docs" / "examples" / "result.jsonl"
STUDY = '{"schema": "gilscope.study", "schema_version": %s, "study": "%s", "rows": []}'
WHOLE = to_json(metg())


@pytest.mark.parametrize(
    ("text", "caution"),
    [
        (json.dumps(WHOLE), ""),
        (json.dumps({**WHOLE, "blocks": "nine"}), "it.blocks must not be str"),
        (json.dumps({**WHOLE, "environment": {"checks": ["busy"]}}), "environment.checks[0] must be an object"),
        (STUDY % (1, "metg"), "it has no tool_version"),
        (STUDY % (2, "metg"), "newer gilscope"),
        (STUDY % (1, "ipc"), "not a document of gilscope metg"),
        ("[]", "not a JSON document"),
        ("{", "not a JSON document"),
        ("[" * 100_000, "not a JSON document"),
    ],
)
def test_studies_beside_a_result_are_read_or_said(tmp_path: Path, text: str, caution: str) -> None:
    result = tmp_path / "result.jsonl"
    result.write_bytes(EXAMPLE.read_bytes())
    (tmp_path / "metg.json").write_text(text)
    source = read_view(result)
    assert list(source.studies) == ([] if caution else ["metg"])
    assert all(caution in line for line in source.cautions)
    assert bool(source.cautions) == bool(caution)


def test_a_study_that_was_stopped_is_drawn_and_said(tmp_path: Path) -> None:
    (tmp_path / "metg.json").write_text(json.dumps(to_json(metg(interrupted=True, blocks=3))))
    source = read_view(tmp_path)
    assert source.cautions == ("metg was stopped after 3 blocks: go on with it by --resume",)
    write(tmp_path / "report.html", [source])
    assert source.cautions[0] in (tmp_path / "report.html").read_text()


def test_studies_without_a_result_make_a_page_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "ipc.json").write_text(json.dumps(to_json(ipc())))
    write(tmp_path / "report.html", [read_view(tmp_path)])
    page = (tmp_path / "report.html").read_text()
    assert "<title>gilscope: ipc</title>" in page
    assert "What moving data costs" in page
