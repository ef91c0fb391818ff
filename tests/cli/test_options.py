"""The table of options: an entry is an option of its verbs, a key of the settings and a line of the documentation."""

from __future__ import annotations

import dataclasses
import inspect
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from gilscope.cli import main, settings
from gilscope.cli.options import OPTIONS, Option, options_of
from gilscope.cli.readers import whole
from gilscope.cli.verb import VerbOptions, verb
from gilscope.core.cases import Study
from gilscope.profile.functions import Options
from gilscope.studies.ipc_rows import IpcRequest
from gilscope.studies.metg import MetgRequest
from gilscope.studies.startup import StartupRequest
from gilscope.studies.traced import trace_function
from tests.report import studies

VERBS = sorted({name for option in OPTIONS for name in option.verbs})
MADE: dict[str, Callable[..., object]] = {
    "run": Study,
    "profile": Options,
    "metg": MetgRequest,
    "ipc": IpcRequest,
    "startup": StartupRequest,
    "trace": trace_function,
    "predict": Options,
}


def test_a_verb_has_one_option_of_a_name() -> None:
    found = Counter((name, option.name) for option in OPTIONS for name in option.verbs)
    assert max(found.values()) == 1


@pytest.mark.parametrize("name", VERBS)
def test_a_field_is_one_of_what_the_verb_makes(name: str) -> None:
    fields = [option.field for option in options_of(name).values() if option.field]
    assert len(set(fields)) == len(fields)
    assert set(fields) <= set(inspect.signature(MADE[name]).parameters)


def test_the_keys_of_the_settings_are_the_options_marked_for_them() -> None:
    assert set(settings.KEYS) == {option.name for option in OPTIONS if option.setting}
    assert "resume" not in settings.KEYS


@dataclasses.dataclass
class Cake:
    tiers: int
    glaze: str = "none"


def test_an_entry_is_all_that_an_option_needs(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = (
        Option(
            "cake-tiers", "N", "Tiers of the cake [1].", ("bake",), whole("tiers", 1, 9, "3"), "tiers", setting=True
        ),
        Option("candle", "NAME", "What to light.", ("bake",), many=True),
        Option("hot", "", "While it is hot.", ("bake",), measured=False),
    )
    monkeypatch.setattr("gilscope.cli.options.OPTIONS", table)
    monkeypatch.setattr("gilscope.cli.settings.KEYS", ("cake-tiers",))
    baked: list[VerbOptions] = []

    @verb
    def bake(asked: VerbOptions) -> int:
        baked.append(asked)
        return 0

    app = typer.Typer()
    app.command()(bake)

    def asked(*words: str) -> VerbOptions:
        run = CliRunner().invoke(app, words, catch_exceptions=False)
        assert run.exit_code == 0, run.output
        return baked[-1]

    assert "Tiers of the cake [1]." in CliRunner().invoke(app, ["--help"]).output
    assert asked().fill(Cake, tiers=1) == Cake(1)
    found = asked("--cake-tiers", "3", "--candle", "a,b", "--candle", "c", "--hot")
    assert found.fill(Cake, tiers=1) == Cake(3)
    assert (found.texts["candle"], found.text("candle")) == (("a,b", "c"), "a,b,c")
    assert found.given("hot")
    assert found.measured == {"cake-tiers", "candle"}
    (folder / "pyproject.toml").write_text("[tool.gilscope]\ncake-tiers = 4\n", encoding="utf-8")
    assert asked().fill(Cake, tiers=1) == Cake(4)
    assert not asked().given("cake-tiers")


@pytest.mark.parametrize("name", ["ipc", "startup"])
def test_a_setting_that_a_verb_has_no_option_for_changes_nothing(
    name: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "pyproject.toml").write_text(
        '[tool.gilscope]\ndask-scheduler = "tcp://127.0.0.1:8786"\nbudget = 7\nchunks = 3\n', encoding="utf-8"
    )
    requests: list[IpcRequest | StartupRequest] = []

    def carry_out(kind: object, path: Path, request: IpcRequest | StartupRequest, *_: object, resume: bool) -> object:
        requests.append(request)
        return studies.metg()

    monkeypatch.setattr("gilscope.studies.engine.carry_out", carry_out)
    assert main([name, "--quiet"]) in (0, 1)
    assert requests[0].budget_s == 7.0
