"""Starting: what is loaded, and how the program ends when its reader goes away."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from gilscope import __version__

LIST = "print(*sys.modules, sep='\\n', file=sys.stderr)"
DUMP = "import sys; import gilscope.cli as cli; cli.main({arguments!r}); " + LIST

# What a user of these waits for at every start. A new name here is a decision: it costs everyone milliseconds.
OURS = {
    "gilscope",
    "gilscope.cli",
    "gilscope.cli.app",
    "gilscope.cli.verb",
    "gilscope.cli.audit",
    "gilscope.cli.compare",
    "gilscope.cli.doctor",
    "gilscope.cli.engines",
    "gilscope.cli.env",
    "gilscope.cli.gil",
    "gilscope.cli.gil_output",
    "gilscope.cli.history",
    "gilscope.cli.export",
    "gilscope.cli.help",
    "gilscope.cli.ipc",
    "gilscope.cli.kernels",
    "gilscope.cli.list_",
    "gilscope.cli.metg",
    "gilscope.cli.options",
    "gilscope.cli.output",
    "gilscope.cli.predict",
    "gilscope.cli.profile",
    "gilscope.cli.readers",
    "gilscope.cli.report",
    "gilscope.cli.run",
    "gilscope.cli.show",
    "gilscope.cli.startup",
    "gilscope.cli.tour",
    "gilscope.cli.trace",
    "gilscope.core",
    "gilscope.core.errors",
    "gilscope.core.registry",
    "gilscope.core.units",
}
TYPER = {"typer", "click", "shellingham", "annotated_doc", "typing_extensions"}
PARSING = {"pydantic", "pydantic_core", "annotated_types", "typing_inspection"}  # newer typer, to convert values


def loaded(code: str) -> set[str]:
    """Return the modules a fresh interpreter has loaded beyond its own and the standard library's."""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    names = [line for line in run.stderr.splitlines() if " " not in line]
    bare = subprocess.run(
        [sys.executable, "-c", "import sys; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout.split()
    ours = {name for name in names if name.partition(".")[0] == "gilscope"}
    packages = {name.partition(".")[0] for name in names} - {name.partition(".")[0] for name in bare}
    standard = {*sys.stdlib_module_names, *(name for name in packages if name.startswith("_sysconfigdata"))}
    return ours | (packages - standard - {"gilscope"})


def test_importing_the_package_loads_nothing_else() -> None:
    assert loaded(f"import gilscope, sys; {LIST}") == {"gilscope"}


def test_help_loads_the_verbs_and_typer() -> None:
    assert loaded(DUMP.format(arguments=["--help"])) <= OURS | TYPER


@pytest.mark.parametrize("arguments", [["run", "--help"], ["show", "--help"], ["--version"]])
def test_help_of_a_verb_loads_nothing_it_will_need_later(arguments: list[str]) -> None:
    found = loaded(DUMP.format(arguments=arguments))
    assert "gilscope.cli.run" in found
    assert found <= OURS | TYPER | PARSING


def test_a_refused_request_loads_no_numeric_library() -> None:
    found = loaded(DUMP.format(arguments=["run", "--workers", "0"]))
    assert "gilscope.cli.settings" in found
    assert not found & {"numpy", "numba", "rich", "psutil"}


def test_the_module_runs_as_a_program() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "gilscope", "--version"], capture_output=True, text=True, check=True, timeout=60
    )
    assert run.stdout == f"gilscope {__version__}\n"
    assert run.stderr == ""


@pytest.mark.parametrize("arguments", [["list"], ["list", "--json"], ["--help"]])
def test_a_reader_that_goes_away_is_no_error(arguments: list[str], tmp_path: Path) -> None:
    errors = tmp_path / "errors"
    with errors.open("w") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-m", "gilscope", *arguments], stdout=subprocess.PIPE, stderr=stderr, cwd=tmp_path
        )
        assert process.stdout is not None
        process.stdout.close()  # before anything is written: every write meets a closed pipe
        status = process.wait(timeout=60)
    assert errors.read_text() == ""
    assert status == 0


def test_without_arguments_the_help_is_shown() -> None:
    run = subprocess.run([sys.executable, "-m", "gilscope"], capture_output=True, text=True, check=True, timeout=60)
    for verb in ("run", "list", "doctor", "show"):
        assert f"\n  {verb} " in run.stdout


def test_a_terminal_without_unicode_gets_replacements_not_a_traceback(tmp_path: Path) -> None:
    code = "from gilscope.cli.output import emit; emit('±5%')"
    run = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        check=True,
        timeout=60,
        env={"PYTHONIOENCODING": "ascii", "PYTHONPATH": ":".join(sys.path)},
    )
    assert run.stdout == b"?5%\n"
