"""Environments for interpreters: made, listed, refused when they cannot be used, removed."""

from __future__ import annotations

import json
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

import gilscope
from gilscope.core.errors import UnavailableError, UsageError
from gilscope.env import environments, install
from gilscope.env.environments import RECORD_NAME, Environment, EnvironmentRecord
from gilscope.env.interpreter import free_threaded_build
from gilscope.env.interpreters import own_source

LABEL = f"{sys.version_info.major}.{sys.version_info.minor}" + ("t" if free_threaded_build() else "")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(environments.FOLDER_VARIABLE, str(tmp_path / "private" / "environments"))
    return tmp_path / "private" / "environments"


class Commands:
    """Stands in for running ``venv`` and ``pip``; by a word of the command what it complains about."""

    def __init__(self) -> None:
        self.run: list[tuple[str, ...]] = []
        self.complaints: dict[str, str] = {}

    def __call__(self, making: Any, *command: str, cwd: Path | None = None) -> str:
        self.run.append(command)
        complaint = next((text for word, text in self.complaints.items() if any(word in part for part in command)), "")
        if not complaint and "venv" in command:
            (making.path / "bin").mkdir(parents=True)
            (making.path / "bin" / "python").touch(mode=0o755)
        return complaint


@pytest.fixture
def commands(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Commands:
    """Nothing is really installed; whoever is asked is the running interpreter."""
    done = Commands()
    facts = {
        "implementation": "CPython",
        "version": "3.99.0",
        "version_info": list(sys.version_info[:3]),
        "free_threaded": free_threaded_build(),
        "libraries": {"numpy": "2.0", "numba": None},
        "gilscope": gilscope.__version__,
        "source": own_source(),
    }
    monkeypatch.setattr(install._Builder, "run", lambda making, *words, cwd=None: done(making, *words, cwd=cwd))
    monkeypatch.setattr(install, "ask", lambda path, kernels: facts)
    return done


def source(folder: Path) -> install.Source:
    """Return a checkout small enough to be copied at once."""
    tree = folder.parent / "tree"
    (tree / "src" / "gilscope").mkdir(parents=True)
    (tree / "src" / "gilscope" / "__init__.py").touch()
    (tree / "src" / "gilscope" / "stale.so").touch()
    (tree / "pyproject.toml").touch()
    return install.find_source(str(tree))


def test_there_are_none_at_first(folder: Path) -> None:
    assert environments.environments() == []
    assert environments.find(LABEL) is None


def test_what_was_made_is_found_by_its_name_and_removed(folder: Path, commands: Commands) -> None:
    made = install.add(LABEL, source(folder))
    assert made.record.missing == {}
    assert environments.environments() == [made]
    assert environments.find(LABEL) == made.python
    assert environments.name_of(str(made.python)) == LABEL
    assert made.record.libraries == {"numpy": "2.0"}
    assert made.problem == ""
    environments.remove(LABEL)
    assert environments.environments() == []


def test_the_folder_is_for_the_user_alone(folder: Path, commands: Commands) -> None:
    install.add(LABEL, source(folder))
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_only_gilscope_is_compiled_and_in_a_copy_without_libraries(
    folder: Path, commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied: list[str] = []

    def look(making: Any, *command: str, cwd: Path | None = None) -> str:
        copied.extend(path.name for word in command for path in Path(word).glob("src/gilscope/*"))
        return commands(making, *command)

    monkeypatch.setattr(install._Builder, "run", look)
    tree = source(folder)
    install.add(LABEL, tree)
    pip = [command for command in commands.run if "pip" in command]
    assert "--no-deps" in pip[0]
    assert all("--only-binary" in command for command in pip[1:])
    assert copied == ["__init__.py"]  # the stale library stayed behind
    assert not any(str(tree.tree) in command for command in commands.run)


def test_a_library_without_a_wheel_is_told_and_no_failure(folder: Path, commands: Commands) -> None:
    commands.complaints["numpy"] = "no matching distribution"
    made = install.add(LABEL, source(folder))
    assert made.record.missing == {"numpy": "no matching distribution"}


@pytest.mark.parametrize(
    ("word", "message"),
    [("venv", "install the venv module"), ("--no-deps", f"cannot be installed for {LABEL}: broken")],
)
def test_what_goes_wrong_is_one_line_and_leaves_an_unfinished_environment(
    folder: Path, commands: Commands, word: str, message: str
) -> None:
    commands.complaints[word] = "broken"
    with pytest.raises(UnavailableError, match=message) as caught:
        install.add(LABEL, source(folder))
    assert "\n" not in str(caught.value)
    if environments.environments():
        with pytest.raises(UsageError, match=f"unfinished.*gilscope env add {LABEL}"):
            environments.find(LABEL)


def test_the_name_of_an_environment_means_the_interpreter_it_was_made_of(folder: Path) -> None:
    base = folder.parent / "bin" / "python3.99"
    base.parent.mkdir(parents=True)
    base.touch()
    (folder / "3.99").mkdir(parents=True)
    (folder / "3.99" / RECORD_NAME).write_text(json.dumps({"base": str(base)}))
    assert install.find_base("3.99") == str(base)


def test_two_at_once_are_kept_apart(folder: Path, commands: Commands) -> None:
    pytest.importorskip("fcntl", reason="no such locks on this system")
    folder.mkdir(parents=True)
    with install._locked(folder, LABEL), pytest.raises(UsageError, match="wait for it"):
        install.add(LABEL, source(folder))


def test_another_version_is_refused(folder: Path, commands: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gilscope, "__version__", "9.9")
    with pytest.raises(UnavailableError, match=r"this is 9\.9; .*leave out --from"):
        install.add(LABEL, source(folder))


def test_an_interpreter_that_is_gone_is_said(folder: Path) -> None:
    (folder / "3.99").mkdir(parents=True)
    (folder / "3.99" / RECORD_NAME).write_text('{"base": "/gone", "made_utc": "then"}')
    with pytest.raises(UsageError, match=r"/gone is gone.*gilscope env add 3\.99"):
        environments.find("3.99")


@pytest.mark.parametrize("text", ["", "[]", "{", '"text"'])
def test_a_damaged_record_is_an_unfinished_environment(folder: Path, text: str) -> None:
    (folder / "3.99").mkdir(parents=True)
    (folder / "3.99" / RECORD_NAME).write_text(text)
    assert environments.environments() == [Environment(name="3.99", path=folder / "3.99", record=EnvironmentRecord())]


def test_removing_what_is_not_there_lists_what_is(folder: Path) -> None:
    with pytest.raises(UsageError, match="there are none"):
        environments.remove("3.99")
    (folder / "3.98").mkdir(parents=True)
    with pytest.raises(UsageError, match=r"there are 3\.98"):
        environments.remove("3.99")


# Where gilscope is installed from -------------------------------------------------------------------------------------


def test_a_folder_of_wheels_gives_each_interpreter_its_own(tmp_path: Path) -> None:
    (tmp_path / "gilscope-0.1.0-cp313-cp313t-linux_x86_64.whl").touch()
    assert install.find_source(str(tmp_path)).arguments == ("--no-index", "--find-links", str(tmp_path), "gilscope")


def test_a_wheel_is_named_as_it_is(tmp_path: Path) -> None:
    wheel = tmp_path / "gilscope-0.1.0-cp313-cp313t-linux_x86_64.whl"
    wheel.touch()
    assert install.find_source(str(wheel)).arguments == (str(wheel),)


@pytest.mark.parametrize("name", ["nothing", "numpy-2.0-py3-none-any.whl", ""])
def test_anything_else_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "numpy-2.0-py3-none-any.whl").touch()
    with pytest.raises(UsageError, match="name a checkout, a wheel, or a folder of wheels"):
        install.find_source(str(tmp_path / name))


def test_the_default_is_where_this_gilscope_comes_from() -> None:
    found = install.find_source(None)
    checkout = Path(gilscope.__file__).parents[2]
    assert found.tree == (checkout if (checkout / "pyproject.toml").is_file() else None)
    assert bool(found.arguments) == (found.tree is None)


@pytest.mark.parametrize(
    ("output", "line"),
    [
        ("building\n  error: command 'cc' failed\nERROR: Failed to build\n", "error: command 'cc' failed"),
        ("WARNING: odd\nERROR: No matching distribution found for numba\n", "No matching distribution found for numba"),
        ("Error: ensurepip is missing\n", "Error: ensurepip is missing"),
        ("just\nwords\n", "words"),
        ("", "it said nothing"),
    ],
)
def test_of_a_log_the_line_that_says_most_is_shown(output: str, line: str) -> None:
    assert install._complaint(output) == line
