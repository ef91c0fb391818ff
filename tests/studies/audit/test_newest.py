"""What CPython 3.15 changed: export hooks, numbers of slots, the stable ABI of free-threaded builds, lazy imports."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from gilscope.report.audit import render_audit
from gilscope.studies.audit import Audit, AuditRequest, audit
from gilscope.studies.audit.children import ChildEvent
from gilscope.studies.audit.declared import Declaration, declaration_of, read_file
from gilscope.studies.audit.imports import judge
from tests.pythons import need_compiler, need_version
from tests.studies.audit.planting import HERE, NOT_USED, OWN_GIL, plant
from tests.studies.audit.test_declared import elf
from tests.studies.audit.test_imports import OFF, ON, imported, loaded, loading, outcome, raised

ASK = "import sysconfig as s; print(s.get_path('include'))"
SLOT_NOT_USED, SLOT_USED = "-DSLOT_GIL=Py_MOD_GIL_NOT_USED", "-DSLOT_GIL=Py_MOD_GIL_USED"
ABI3T = "-DPy_TARGET_ABI3T=0x030f0000"

FREE, HELD = (
    Declaration(free_threading=True, sub_interpreters="own_gil"),
    Declaration(free_threading=False, sub_interpreters="own_gil"),
)
SILENT = Declaration(free_threading=False, sub_interpreters="shared_gil")

EXPORTED = {
    "free": ([SLOT_NOT_USED], FREE),
    "held": ([SLOT_USED], HELD),
    "silent": ([], SILENT),
    "nested": ([SLOT_NOT_USED, "-DNESTED"], FREE),
    "stable": ([SLOT_NOT_USED, ABI3T], FREE),
}


def includes(python: str) -> str:
    return subprocess.run([python, "-c", ASK], capture_output=True, text=True, check=True, timeout=60).stdout.strip()


def export(target: Path, module: str, *flags: str, include: str) -> Path:
    """Compile ``exported.c`` as a module."""
    target.parent.mkdir(parents=True, exist_ok=True)
    words = [f"-I{include}", f'-DNAME="{module}"', f"-DHOOK=PyModExport_{module.rpartition('.')[2]}"]
    command = [need_compiler(), "-shared", "-fPIC", "-O1", *words, *flags, str(HERE / "exported.c"), "-o", str(target)]
    subprocess.run(command, check=True, timeout=120)
    return target


@elf
@pytest.mark.parametrize("version", ["3.15", "3.15t"])
@pytest.mark.parametrize("name", EXPORTED)
def test_slots_of_an_export_hook_are_read_from_the_file(tmp_path: Path, version: str, name: str) -> None:
    flags, expected = EXPORTED[name]
    include = includes(need_version(version))
    assert read_file(export(tmp_path / f"{name}.so", name, *flags, include=include), name) == expected


@elf
@pytest.mark.parametrize("version", ["3.15", "3.15t"])
def test_a_definition_compiled_for_the_new_numbers_says_the_same(tmp_path: Path, version: str) -> None:
    include = includes(need_version(version))
    file = plant(tmp_path / "planted.so", "planted", NOT_USED, OWN_GIL, include=include)
    assert read_file(file, "planted") == FREE


@pytest.mark.parametrize(
    ("slots", "expected"),
    [
        ({86: 2, 87: 1}, FREE),
        ({100: 0, 86: 2, 87: 0}, HELD),
        ({100: 0, 109: 0, 110: 0, 85: 0}, SILENT),
        ({87: 1, 111: 0}, Declaration(free_threading=True, sub_interpreters=None)),
    ],
)
def test_renumbered_slots_mean_what_they_meant(slots: dict[int, int], expected: Declaration) -> None:
    assert declaration_of(slots) == expected


# A real 3.15t: what is imported in it, lazily too ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Audit:
    """The audit of exported modules and of packages with lazy imports."""
    python = need_version("3.15t")
    include, folder = includes(python), tmp_path_factory.mktemp("newest")
    for name, (flags, _) in EXPORTED.items():
        suffix = ".abi3t.so" if name == "stable" else ".so"
        export(folder / f"{name}{suffix}", name, *flags, include=include)
    export(folder / "unnamed.so", "unnamed", SLOT_NOT_USED, "-DUNNAMED", include=include)
    for name, text in {
        "lazily": "lazy import held",
        "lazily_deep": "lazy from middle import thing, absent\nlazy from free import __name__ as free_name",
        "middle": "thing = 1\nlazy import silent",
        "lazily_free": "lazy import free, stable\nlazy from json import dumps",
        "lazily_missing": "lazy import not_there_at_all",
    }.items():
        Path(folder, f"{name}.py").write_text(text + "\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        lazy = ("lazily", "lazily_deep", "lazily_free", "lazily_missing")
        return audit(AuditRequest(modules=(*EXPORTED, "unnamed", *lazy), python=python))


def test_modules_with_an_export_hook_are_known(found: Audit) -> None:
    rows = {
        row.module: Declaration(free_threading=row.free_threading, sub_interpreters=row.sub_interpreters)
        for row in found.extensions
    }
    assert rows == {name: expected for name, (_, expected) in EXPORTED.items()} | {"unnamed": FREE}
    how = {row.module: row.how for row in found.extensions}
    assert how["unnamed"] == "import"
    assert {row.module: (row.status, row.switched_on_by) for row in found.modules[: len(EXPORTED) + 1]} == {
        "free": ("free", None),
        "held": ("gil_came_back", "held"),
        "silent": ("gil_came_back", "silent"),
        "nested": ("free", None),
        "stable": ("free", None),
        "unnamed": ("free", None),
    }


def test_a_lazy_import_is_carried_out_before_the_gil_is_said_to_stay_off(found: Audit) -> None:
    rows = {row.module: row for row in found.modules}
    assert (rows["lazily"].status, rows["lazily"].switched_on_by, rows["lazily"].switched_on_in) == (
        "gil_came_back",
        "held",
        "held",
    )
    deep = rows["lazily_deep"]
    assert (deep.status, deep.switched_on_by, deep.switched_on_in) == ("gil_came_back", "silent", "silent")
    assert [line.partition(":")[0] for line in deep.unresolved] == ["middle.absent"]
    assert rows["lazily_free"].status == "free"
    assert rows["lazily_free"].deferred == ("free", "stable")
    assert rows["lazily_free"].unresolved == ()
    assert rows["lazily_free"].extensions == ("free", "stable")
    text = render_audit(found, width=160)
    assert "held switched the GIL back on when the lazy import of held was used" in text


def test_a_lazy_import_that_fails_is_named_and_no_all_clear(found: Audit) -> None:
    [row] = [row for row in found.modules if row.module == "lazily_missing"]
    assert (row.status, len(row.unresolved)) == ("free", 1)
    text = render_audit(replace(found, modules=(row,)), width=160)
    assert "not not_there_at_all: ModuleNotFoundError" in text
    assert "if the lazy imports that failed here do not" in text


def test_with_all_imports_lazy_the_culprit_is_found_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    python = need_version("3.15t")
    export(tmp_path / "held.so", "held", SLOT_USED, include=includes(python))
    Path(tmp_path, "plain.py").write_text("import held\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHON_LAZY_IMPORTS", "all")
    [row] = audit(AuditRequest(modules=("plain",), python=python)).modules
    assert (row.status, row.switched_on_by, row.switched_on_in) == ("gil_came_back", "held", "held")


def deferring(module: str) -> ChildEvent:
    return ChildEvent(event="deferring", module=module)


def deferred(module: str, gil: bool, error: str = "") -> ChildEvent:
    return ChildEvent(event="deferred", module=module, gil=gil, error=error)


def test_a_crash_in_a_lazy_import_is_no_all_clear() -> None:
    row = judge("p", outcome(imported("p", OFF), deferring("q"), loading("q._c", OFF), status=-11))
    assert (row.status, row.reason) == ("crashed", "lazy import of q: ended by SIGSEGV while loading q._c")
    assert judge("p", outcome(imported("p", OFF), deferring("q"), status=None)).status == "timeout"


def test_the_first_lazy_import_that_switched_it_on_is_named() -> None:
    events = [imported("p", OFF), deferring("a"), deferred("a", OFF), deferring("b"), loading("b._c", OFF)]
    row = judge("p", outcome(*events, loaded("b._c", ON), deferred("b", ON), deferring("c"), deferred("c", ON, "E: x")))
    assert (row.status, row.switched_on_by, row.switched_on_in) == ("gil_came_back", "b._c", "b")
    assert (row.deferred, row.unresolved) == (("a", "b", "c"), ("c: E: x",))


def test_a_module_that_failed_has_no_lazy_imports() -> None:
    assert judge("p", outcome(raised("p", OFF))).deferred == ()
