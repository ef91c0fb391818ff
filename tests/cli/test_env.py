"""``gilscope env`` and the options --python and --gil at the command line."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from gilscope.cli import main
from gilscope.env import environments, install, interpreters
from gilscope.env.environments import RECORD_NAME, Environment, EnvironmentRecord
from tests.cli.conftest import FakePipeline


@pytest.fixture(autouse=True)
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of environments."""
    monkeypatch.setenv(environments.FOLDER_VARIABLE, str(tmp_path / "environments"))
    monkeypatch.delenv("PYTHON_GIL", raising=False)
    return tmp_path / "environments"


def unfinished(folder: Path, name: str) -> None:
    (folder / name).mkdir(parents=True)
    (folder / name / RECORD_NAME).write_text(json.dumps({"base": "/there"}))


def test_list_says_where_and_how_when_there_are_none(there: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["env", "list"]) == 0
    assert capsys.readouterr().out == f"no environments in {there}: make one with: gilscope env add 3.13t\n"


def test_list_has_a_document(there: Path, capsys: pytest.CaptureFixture[str]) -> None:
    unfinished(there, "3.99")
    assert main(["env", "list", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "gilscope.environments"
    (entry,) = document["environments"]
    assert (entry["name"], entry["problem"], entry["base"]) == ("3.99", "unfinished", "/there")


def test_remove_removes(there: Path, capsys: pytest.CaptureFixture[str]) -> None:
    unfinished(there, "3.99")
    assert main(["env", "remove", "3.99"]) == 0
    assert not (there / "3.99").exists()


def test_add_says_how_the_environment_is_used(
    there: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    record = EnvironmentRecord(
        gilscope="0.1.0", python="3.99.1", free_threaded=True, missing={"numba": "no release"}, made_utc="now"
    )

    def add(word: str, source: Any, *, say: Any) -> Any:
        say(f"making {word}")
        return Environment(name="3.99t", path=there / "3.99t", record=record)

    monkeypatch.setattr(install, "add", add)
    assert main(["env", "add", "3.99t"]) == 0
    told = capsys.readouterr()
    assert "making 3.99t" in told.err
    assert "without numba" in told.out
    assert "gilscope run --python 3.99t --gil both" in told.out
    assert main(["env", "add", "3.99t", "--quiet", "--json"]) == 0
    told = capsys.readouterr()
    assert told.err == ""
    assert json.loads(told.out)["version"] == "3.99.1"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["env", "add", "3.98"], "install it (e.g. uv python install 3.98)"),
        (["env", "add", "/nowhere/python"], "no interpreter at '/nowhere/python'"),
        (["env", "add", "3.98", "--from", "/nowhere"], "name a checkout, a wheel, or a folder of wheels"),
        (["env", "remove", "3.98"], "there are none"),
        (["env", "remvoe"], "did you mean remove?"),
        (["run", "--python", "3.98"], "gilscope env add 3.98"),
        (["run", "--python", ""], "write it like 3.13t"),
        (["run", "--python", "/nowhere/python"], "no interpreter at '/nowhere/python'"),
        (["run", "--gil", "bth"], "did you mean 'both'?"),
        (["profile", "module:function", "--python", "3.98"], "gilscope env add 3.98"),
    ],
)
def test_what_cannot_be_is_one_line_with_the_cure(
    words: list[str], message: str, pipeline: FakePipeline, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    told = capsys.readouterr()
    assert message in told.err
    assert len(told.err.splitlines()) == 1
    assert told.out == ""


def test_gil_off_on_a_build_with_the_gil_is_one_line(
    pipeline: FakePipeline, capsys: pytest.CaptureFixture[str]
) -> None:
    if interpreters.free_threaded_build():
        pytest.skip("this is a free-threaded build")
    assert main(["run", "--gil", "off"]) == 2
    assert "needs a free-threaded build" in capsys.readouterr().err


def test_python_names_the_interpreter_in_the_study(pipeline: FakePipeline, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "mandelbrot", "--python", sys.executable, "--quiet"]) == 0
    (study,) = pipeline.studies
    assert study.interpreters == tuple(entry.label for entry in pipeline.interpreters)
    assert study.interpreters[0].startswith(f"{sys.version_info.major}.{sys.version_info.minor}")


def test_the_settings_may_name_interpreters(
    pipeline: FakePipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pyproject.toml").write_text(f'[tool.gilscope]\npython = ["{sys.executable}"]\nbudget = 7\n')
    monkeypatch.chdir(tmp_path)
    assert main(["run", "mandelbrot", "--quiet"]) == 0
    assert len(pipeline.studies[0].interpreters) == 1
    assert pipeline.studies[0].budget_s == 7.0
