"""Who switched the GIL on: from what a child wrote down, and by really importing."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from gilscope.studies.audit.children import ChildEvent, Outcome, find_interpreter, inspect, run_child
from gilscope.studies.audit.declared import Declaration
from gilscope.studies.audit.imports import declared_by, import_alone, judge

OFF, ON = False, True


def loading(module: str, gil: bool) -> ChildEvent:
    return ChildEvent(event="loading", module=module, file=f"/{module}.so", gil=gil)


def loaded(module: str, gil: bool) -> ChildEvent:
    return ChildEvent(event="loaded", module=module, file=f"/{module}.so", gil=gil)


def warned(module: str) -> ChildEvent:
    return ChildEvent(event="warned", module=module)


def imported(module: str, gil: bool) -> ChildEvent:
    return ChildEvent(event="imported", module=module, gil=gil, seconds=0.25)


def raised(module: str, gil: bool, missing: str = "") -> ChildEvent:
    return ChildEvent(
        event="raised", module=module, gil=gil, error="ImportError: broken", missing=missing, detail="..."
    )


def outcome(*events: ChildEvent, status: int | None = 0, output: str = "") -> Outcome:
    return Outcome(events=events, status=status, output=output)


def test_the_gil_stays_off() -> None:
    row = judge("package", outcome(loading("package._c", OFF), loaded("package._c", OFF), imported("package", OFF)))
    assert (row.status, row.switched_on_by, row.extensions, row.import_s) == ("free", None, ("package._c",), 0.25)


def test_the_module_that_python_warned_about_is_the_one() -> None:
    events = [loading("a", OFF), loaded("a", OFF), loading("b", OFF), warned("b"), loaded("b", ON), imported("p", ON)]
    row = judge("p", outcome(*events))
    assert (row.status, row.switched_on_by, row.extensions) == ("gil_came_back", "b", ("a", "b"))


def test_without_a_warning_the_first_that_left_the_gil_on_is_the_one() -> None:
    events = [loading("a", OFF), loaded("a", OFF), loading("b", OFF), loaded("b", ON), loading("c", ON)]
    assert judge("p", outcome(*events, loaded("c", ON), imported("p", ON))).switched_on_by == "b"


def test_inside_a_one_phase_module_the_gil_is_on_for_a_moment_and_proves_nothing() -> None:
    nested = [loading("outer", OFF), loading("inner", ON), loaded("inner", ON), loaded("outer", OFF)]
    row = judge("outer", outcome(*nested, imported("outer", OFF)))
    assert (row.status, row.switched_on_by) == ("free", None)


def test_a_failed_import_says_what_is_missing() -> None:
    row = judge("p", outcome(raised("p", OFF, missing="q")))
    assert (row.status, row.reason, row.missing) == ("failed", "ImportError: broken", "q")


def test_an_import_that_switched_the_gil_on_and_then_failed_counts_as_having_done_it() -> None:
    row = judge("p", outcome(loading("b", OFF), warned("b"), loaded("b", ON), raised("p", ON)))
    assert (row.status, row.switched_on_by, row.reason) == ("gil_came_back", "b", "ImportError: broken")


def test_a_crash_names_what_was_loading() -> None:
    events = [loading("a", OFF), loaded("a", OFF), loading("b", OFF)]
    row = judge("p", outcome(*events, status=-11, output="Segmentation fault"))
    assert (row.status, row.reason, row.detail) == (
        "crashed",
        "ended by SIGSEGV while loading b",
        "Segmentation fault",
    )


def test_an_import_without_end_is_a_timeout() -> None:
    row = judge("p", outcome(loading("b", OFF), status=None), timeout_s=9)
    assert (row.status, row.reason) == ("timeout", "not imported after 9 s while loading b")


def declared(module: str, slots: dict[str, int] | None) -> ChildEvent:
    return ChildEvent(event="declared", module=module, one_phase=slots is None, slots=slots or {})


def test_loaded_modules_are_known_by_their_slots() -> None:
    found = declared_by([outcome(loading("a", OFF), loaded("a", OFF), declared("a", {"3": 2, "4": 1}))])
    assert found == {"a": Declaration(free_threading=True, sub_interpreters="own_gil")}


def test_one_phase_modules_are_known_by_what_happened() -> None:
    first = outcome(loading("a", OFF), loaded("a", OFF), declared("a", None))
    second = outcome(loading("b", OFF), loaded("b", ON), loading("c", ON), loaded("c", ON), declared("c", None))
    found = declared_by([first, second])
    assert found["a"] == Declaration(free_threading=True, sub_interpreters="no")
    assert found["b"] == Declaration(free_threading=False, sub_interpreters=None)
    assert found["c"] == Declaration(free_threading=None, sub_interpreters="no")


# Real processes of this interpreter -----------------------------------------------------------------------------------


def test_an_interpreter_says_what_it_is_and_what_is_installed() -> None:
    seen = inspect(sys.executable)
    assert seen.python.minor == sys.version_info[:2]
    numpy = next(entry for entry in seen.distributions if entry.name == "numpy")
    assert "numpy._core._multiarray_umath" in [module for module, _ in numpy.extensions]


def test_modules_that_print_exit_and_abort_are_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("loud.py").write_text("print('hello'); import sys; sys.stderr.write('there')")
    Path("leaving.py").write_text("raise SystemExit(3)")
    Path("dying.py").write_text("import os; os.abort()")
    Path("hanging.py").write_text("import time; time.sleep(60)")
    rows = {name: import_alone(sys.executable, name)[0] for name in ("loud", "leaving", "dying", "not_there")}
    assert rows["loud"].reason == ""
    assert rows["leaving"].reason == "SystemExit: 3"
    assert (rows["dying"].status, rows["dying"].reason) == ("crashed", "ended by SIGABRT")
    assert rows["not_there"].missing == "not_there"
    assert import_alone(sys.executable, "hanging", timeout_s=0.5)[0].status == "timeout"


def test_a_loaded_extension_tells_its_slots() -> None:
    seen = run_child(sys.executable, {"action": "import", "modules": ["numpy"], "until_gil": False}, timeout_s=60)
    assert seen.complete
    slots = {event.module: event.slots for event in seen.events if event.event == "declared"}
    assert {"2", "85"} & set(slots["numpy._core._multiarray_umath"])  # Py_mod_exec, before and from CPython 3.15 on


def test_the_newest_free_threaded_interpreter_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gilscope.studies.audit.children.free_threaded_build", lambda: False)
    monkeypatch.setattr("gilscope.env.interpreters.free_threaded_build", lambda: False)
    monkeypatch.setenv("PATH", str(tmp_path))
    for variable in ("PYENV_ROOT", "UV_PYTHON_INSTALL_DIR"):
        monkeypatch.setenv(variable, str(tmp_path / "none"))
    monkeypatch.setenv("GILSCOPE_ENVIRONMENTS", str(tmp_path / "environments"))
    for name in ("python3.13t", "python3.14t", "python3.14"):
        file = tmp_path / name
        file.write_text("#!/bin/sh\n")
        file.chmod(0o755)
    assert find_interpreter(None) == str(tmp_path / "python3.14t")
    assert find_interpreter("3.13t") == str(tmp_path / "python3.13t")
