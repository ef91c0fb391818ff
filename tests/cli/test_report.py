"""``report``, the page that ``run`` leaves behind, and charts by ``export``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gilscope.cli import main
from gilscope.studies.document import to_json
from tests.cli.conftest import FakePipeline
from tests.report.roofs import write_with_roofs
from tests.report.studies import startup

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "result.jsonl"


@pytest.fixture
def result(folder: Path) -> Path:
    path = folder / "somewhere" / "result.jsonl"
    path.parent.mkdir()
    write_with_roofs(path)
    return path


def test_the_report_lies_beside_the_result(result: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(result)]) == 0
    assert capsys.readouterr().out == f"report: {result.with_name('report.html')}\n"
    assert "mandelbrot, triad" in result.with_name("report.html").read_text()


def test_several_results_make_one_page(result: Path, folder: Path) -> None:
    assert main(["report", str(result), str(EXAMPLE), "--out", "both.html"]) == 0
    assert (folder / "both.html").read_text().count("data-result ") == 2


def test_a_folder_of_studies_has_a_report_too(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "st").mkdir()
    (folder / "st" / "startup.json").write_text(json.dumps(to_json(startup())))
    assert main(["report", "st"]) == 0
    assert capsys.readouterr().out == "report: st/report.html\n"
    assert "What workers cost" in (folder / "st" / "report.html").read_text()


def test_a_run_leaves_its_report(pipeline: FakePipeline, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pipeline.during = lambda observer: (folder / "out" / "result.jsonl").write_bytes(EXAMPLE.read_bytes())
    pipeline.writes = False
    assert main(["run", "mandelbrot", "--out", "out"]) == 0
    assert capsys.readouterr().err.endswith("report: out/report.html\n")
    assert (folder / "out" / "report.html").is_file()


def test_json_stays_alone_on_stdout(pipeline: FakePipeline, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pipeline.during = lambda observer: (folder / "out" / "result.jsonl").write_bytes(EXAMPLE.read_bytes())
    pipeline.writes = False
    assert main(["run", "mandelbrot", "--out", "out", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["schema"] == "gilscope.analysis"
    assert (folder / "out" / "report.html").is_file()


def test_a_run_without_the_extra_says_so_in_one_line(
    pipeline: FakePipeline, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "jinja2", None)
    pipeline.during = lambda observer: (folder / "out" / "result.jsonl").write_bytes(EXAMPLE.read_bytes())
    pipeline.writes = False
    assert main(["run", "mandelbrot", "--out", "out", "--quiet"]) == 0
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "report.html was not written" in error
    assert "pip install 'gilscope[report]'" in error


def test_every_chart_of_a_result_becomes_a_file(result: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", str(result), "--format", "svg"]) == 0
    written = sorted(path.name for path in (result.parent / "charts").iterdir())
    names = ["gil", "heatmap", "losses", "prediction", "roofline", "scaling", "speedups", "stack", "timeline"]
    assert written == [f"{name}.svg" for name in names]
    assert len(capsys.readouterr().out.splitlines()) == len(written)
    assert main(["export", str(result), "--format", "svg"]) == 2
    assert "choose another name" in capsys.readouterr().err


def test_one_chart_goes_where_it_is_told(result: Path, folder: Path) -> None:
    asked = ["--chart", "losses", "--kernel", "triad", "--theme", "dark", "--out", "mine.svg"]
    assert main(["export", str(result), "--format", "svg", *asked]) == 0
    assert "triad: Where the time went" in (folder / "mine.svg").read_text()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["export", "{result}", "--chart", "losses"], "add --format svg or png"),
        (["export", "{result}", "--format", "svg", "--chart", "metg"], "the charts it has are heatmap"),
        (["export", "{result}", "--format", "svg", "--chart", "heat"], "did you mean 'heatmap'?"),
        (["export", "{result}", "--format", "svg", "--out", "{result}"], "choose another"),
        (["report", "nowhere"], "no result at 'nowhere'"),
        (["report", "{result}", "--out", "{result}"], "no report of gilscope"),
    ],
)
def test_bad_requests_are_one_line_and_status_2(
    arguments: list[str], complaint: str, result: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([word.format(result=result) for word in arguments]) == 2
    error = capsys.readouterr().err
    assert complaint in error
    assert error.count("\n") == 1
