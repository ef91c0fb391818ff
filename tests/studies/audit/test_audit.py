"""The whole audit: with a stand-in for the interpreter, and with a real one and planted extension modules."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gilscope.core.errors import UnavailableError
from gilscope.studies import audit as study
from gilscope.studies.audit import Audit, AuditRequest, audit
from gilscope.studies.audit.calls import AuditedCall
from gilscope.studies.audit.children import Inspected, Installed, Outcome, PythonFacts
from tests.pythons import need_free_threaded
from tests.studies.audit.planting import NOT_USED, ONE_PHASE, OWN_GIL, plant
from tests.studies.audit.test_imports import OFF, ON, imported, loaded, loading, raised, warned

ASK = "import sysconfig as s; print(s.get_path('include')); print(s.get_config_var('EXT_SUFFIX'))"


class FakeInterpreter:
    """Stands in for a free-threaded interpreter: what importing does is written down beforehand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, free_threaded: bool = True) -> None:
        self.outcomes: dict[str, Outcome] = {}
        python = PythonFacts(
            implementation="CPython",
            version="3.14.2",
            version_info=(3, 14),
            free_threaded=free_threaded,
            gil=not free_threaded,
            executable="/fake/python",
        )
        self.seen = Inspected(python=python)
        monkeypatch.setattr(study, "find_interpreter", lambda word: "/fake/python")
        monkeypatch.setattr(study, "inspect", lambda python: self.seen)
        monkeypatch.setattr(study, "import_alone", self.import_alone)
        monkeypatch.setattr(study, "run_child", lambda python, request, timeout_s: Outcome(events=(), status=0))

    def installed(self, name: str, *modules: str) -> None:
        entry = Installed(
            name=name,
            version="1.5",
            tags=("cp314-cp314t-linux_x86_64",),
            top=(name,),
            extensions=tuple((module, "/nowhere.so") for module in modules),
        )
        self.seen = replace(self.seen, distributions=(*self.seen.distributions, entry))

    def import_alone(self, python: str, module: str) -> tuple[Any, Outcome]:
        outcome = self.outcomes[module]
        return study.imports.judge(module, outcome), outcome


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeInterpreter:
    return FakeInterpreter(monkeypatch)


def test_the_distribution_of_the_culprit_and_the_cure_are_named(fake: FakeInterpreter) -> None:
    fake.installed("culprit", "culprit._c")
    events = (loading("culprit._c", OFF), warned("culprit._c"), loaded("culprit._c", ON), imported("mine", ON))
    fake.outcomes["mine"] = Outcome(events=events, status=0)
    document = audit(AuditRequest(modules=("mine",)))
    [row] = document.modules
    assert (row.switched_on_by, row.distribution, row.undeclared) == (
        "culprit._c",
        "culprit",
        ("culprit._c",),
    )
    assert "update culprit 1.5" in row.cure
    assert not document.passed


def test_what_was_not_loaded_is_left_out_unless_everything_is_asked_for(fake: FakeInterpreter) -> None:
    fake.installed("one", "one._c", "one._later")
    fake.installed("two", "two._c")
    fake.outcomes["one"] = Outcome(
        events=(loading("one._c", OFF), loaded("one._c", OFF), imported("one", OFF)), status=0
    )
    some = audit(AuditRequest(modules=("one",)))
    everything = audit(AuditRequest(modules=("one",), environment=True))
    assert [row.module for row in some.extensions] == ["one._c", "one._later"]
    assert [row.name for row in some.distributions] == ["one"]
    assert [row.module for row in everything.extensions] == ["one._c", "one._later", "two._c"]
    assert some.passed


@pytest.mark.parametrize(("known", "word"), [({"dateutil": ["python-dateutil"]}, "python-dateutil"), ({}, "dateutil")])
def test_a_missing_module_comes_with_the_command_that_installs_it(
    fake: FakeInterpreter, monkeypatch: pytest.MonkeyPatch, known: dict[str, list[str]], word: str
) -> None:
    monkeypatch.setattr("importlib.metadata.packages_distributions", lambda: known)
    fake.outcomes["mine"] = Outcome(events=(raised("mine", OFF, missing="dateutil.tz"),), status=0)
    [row] = audit(AuditRequest(modules=("mine",))).modules
    assert row.cure == f"/fake/python -m pip install {word}"


@pytest.mark.parametrize(
    ("name", "cure"),
    [
        ("zlib.crc32", "zlib.crc32 is a function: gilscope audit --call 'zlib.crc32(bytes(10**7))'"),
        ("json.loads", "json.loads is a function: gilscope audit --call 'json.loads(...)'"),
        ("math.pi", "name the module, math"),
        ("json.lods", "which pip does not install; check the name"),
    ],
)
def test_pip_is_never_the_fix_for_the_standard_library(
    fake: FakeInterpreter, monkeypatch: pytest.MonkeyPatch, name: str, cure: str
) -> None:
    def here(python: str, module: str) -> tuple[Any, Outcome]:
        row, outcome = study.imports.import_alone(sys.executable, module)
        return replace(row, status="failed"), outcome  # whether or not this Python has a GIL

    monkeypatch.setattr(study, "import_alone", here)
    [row] = audit(AuditRequest(modules=(name,), online=True)).modules  # which asks the index about none of them
    assert cure in row.cure
    assert "-m pip" not in row.cure


def test_a_module_that_this_python_was_built_without_is_not_installed_by_pip(fake: FakeInterpreter) -> None:
    fake.outcomes["mine"] = Outcome(events=(raised("mine", OFF, missing="_tkinter"),), status=0)
    [row] = audit(AuditRequest(modules=("mine",))).modules
    assert "left out of this Python" in row.cure
    assert "-m pip" not in row.cure


def test_an_interpreter_with_a_gil_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    FakeInterpreter(monkeypatch, free_threaded=False)
    with pytest.raises(UnavailableError, match=r"no free-threaded build; name a free-threaded one: --python 3\.14t"):
        audit(AuditRequest(modules=("mine",)))


def test_without_a_free_threaded_interpreter_the_cure_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("gilscope.studies.audit.children.free_threaded_build", lambda: False)
    monkeypatch.setattr("gilscope.env.interpreters.free_threaded_build", lambda: False)
    monkeypatch.setenv("PATH", str(tmp_path))
    for variable in ("PYENV_ROOT", "UV_PYTHON_INSTALL_DIR"):
        monkeypatch.setenv(variable, str(tmp_path / "none"))
    monkeypatch.setenv("GILSCOPE_ENVIRONMENTS", str(tmp_path))
    with pytest.raises(UnavailableError, match=r"no free-threaded Python was found.*uv python install 3\.14t"):
        audit(AuditRequest(modules=("json",)))


@pytest.mark.parametrize(("has_gilscope", "where"), [(True, ("/fake/python", True)), (False, (sys.executable, False))])
def test_calls_run_where_gilscope_is(
    fake: FakeInterpreter, monkeypatch: pytest.MonkeyPatch, has_gilscope: bool, where: tuple[str, bool]
) -> None:
    asked: list[tuple[str, bool]] = []

    def call(text: str, python: str, *, free_threaded: bool, **_: object) -> AuditedCall:
        asked.append((python, free_threaded))
        return AuditedCall(call=text, status="ok")

    monkeypatch.setattr(study, "measure_call", call)
    monkeypatch.setattr(study, "free_threaded_build", lambda: False)
    fake.seen = replace(fake.seen, python=replace(fake.seen.python, gilscope=has_gilscope))
    fake.outcomes["mine"] = Outcome(events=(imported("mine", OFF),), status=0)
    audit(AuditRequest(modules=("mine",), calls=("a.b(1)",), python="3.14t"))
    assert asked == [where]


def test_calls_alone_need_gilscope_in_the_interpreter_asked_for(fake: FakeInterpreter) -> None:
    with pytest.raises(UnavailableError, match=r"has no gilscope.*gilscope env add 3\.14t"):
        audit(AuditRequest(calls=("a.b(1)",), python="3.14t"))


# A real free-threaded interpreter -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> Audit:
    """The audit of planted modules: declared and not, in a package, with a filter over all warnings."""
    python = need_free_threaded()
    include, suffix = subprocess.run([python, "-c", ASK], capture_output=True, text=True, check=True).stdout.split()
    folder = tmp_path_factory.mktemp("planted")
    flags = {
        "declared": [NOT_USED, OWN_GIL],
        "undeclared": [],
        "one_phase": [ONE_PHASE],
        "one_phase_declared": [ONE_PHASE, NOT_USED],
        "package._inner": [],
    }
    for module, words in flags.items():
        plant(folder / f"{module.replace('.', '/')}{suffix}", module, *words, include=include)
    Path(folder, "package/__init__.py").write_text("import json\nimport declared\nfrom package import _inner\n")
    Path(folder, "silent.py").write_text("import warnings\nwarnings.simplefilter('ignore')\nimport package\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        return audit(AuditRequest(modules=(*flags, "package", "silent", "json"), python=python))


def test_planted_modules_without_the_declaration_are_named(document: Audit) -> None:
    found = {row.module: (row.status, row.switched_on_by) for row in document.modules}
    assert found == {
        "declared": ("free", None),
        "undeclared": ("gil_came_back", "undeclared"),
        "one_phase": ("gil_came_back", "one_phase"),
        "one_phase_declared": ("free", None),
        "package._inner": ("gil_came_back", "package._inner"),
        "package": ("gil_came_back", "package._inner"),
        "silent": ("gil_came_back", "package._inner"),
        "json": ("free", None),
    }


def test_what_planted_modules_declare_is_known_of_each(document: Audit) -> None:
    found = {row.module: (row.free_threading, row.sub_interpreters) for row in document.extensions}
    assert found == {
        "declared": (True, "own_gil"),
        "undeclared": (False, "shared_gil"),
        "one_phase": (False, "no"),
        "one_phase_declared": (True, "no"),
        "package._inner": (False, "shared_gil"),
    }


def test_files_and_processes_agree(document: Audit) -> None:
    undeclared = {row.module for row in document.extensions if row.free_threading is False}
    assert {row.switched_on_by for row in document.modules} - {None} == undeclared
