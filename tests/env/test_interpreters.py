"""Other interpreters: found by a word, asked about themselves, named for case ids; every refusal is one line."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import gilscope
from gilscope.core.errors import UnknownNameError, UsageError
from gilscope.env import child, environments, interpreters
from gilscope.env.interpreters import Interpreter, ask, choose, locate, own_source

PRETENDED = {
    "/a/python3.11": ((3, 11, 7), False),
    "/b/python3.11": ((3, 11, 9), False),
    "/c/python3.11": ((3, 11, 9), False),
    "/a/python3.13t": ((3, 13, 5), True),
    "/a/python3.9": ((3, 9, 1), False),
}


def facts(version: tuple[int, int, int], free_threaded: bool, value: str | None = None, **more: Any) -> dict[str, Any]:
    """Return what an interpreter would say; ``value`` is that of PYTHON_GIL."""
    return {
        "implementation": "CPython",
        "version": ".".join(map(str, version)),
        "version_info": list(version),
        "free_threaded": free_threaded,
        "gil_enabled": not free_threaded or value == "1",
        "libraries": {"numpy": "2.0"},
        "gilscope": gilscope.__version__,
        "source": own_source(),
        "kernels": {},
        **more,
    }


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> dict[str, dict[str, Any]]:
    """Let interpreters answer without being there; by path, fields that replace what they would say."""
    changed: dict[str, dict[str, Any]] = {}

    def answer(path: str, kernels: Any, environment: Mapping[str, str | None] = child.PLAIN) -> dict[str, Any]:
        version, free_threaded = PRETENDED[path]
        return facts(version, free_threaded, environment["PYTHON_GIL"], **changed.get(path, {}))

    monkeypatch.setattr(interpreters, "ask", answer)
    monkeypatch.setattr(interpreters, "locate", lambda word: word)
    monkeypatch.delenv("PYTHON_GIL", raising=False)
    return changed


def labels(found: tuple[Interpreter, ...]) -> list[str]:
    return [entry.label for entry in found]


def test_nothing_asked_for_means_the_running_interpreter_without_a_label() -> None:
    assert choose([], None, []) == ()


def test_both_runs_a_free_threaded_build_twice_and_others_once(answers: Any) -> None:
    found = choose(["/a/python3.11", "/a/python3.13t"], "both", [])
    assert labels(found) == ["3.11", "3.13t", "3.13t+gil"]
    assert [entry.environment["PYTHON_GIL"] for entry in found] == [None, "0", "1"]
    assert [entry.gil_enabled for entry in found] == [True, False, True]
    assert found[1].executable == found[2].executable


@pytest.mark.parametrize(("gil", "expected"), [(None, "3.13t"), ("off", "3.13t"), ("on", "3.13t+gil")])
def test_a_free_threaded_build_runs_as_it_was_asked_to(answers: Any, gil: Any, expected: str) -> None:
    assert labels(choose(["/a/python3.13t"], gil, [])) == [expected]


def test_the_variable_counts_where_nothing_was_asked(answers: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHON_GIL", "1")
    assert labels(choose(["/a/python3.11", "/a/python3.13t"], None, [])) == ["3.11", "3.13t+gil"]


def test_a_build_with_the_gil_that_says_it_is_on_stays_what_it_is(answers: Any) -> None:
    assert labels(choose(["/a/python3.11"], "on", [])) == ["3.11"]


def test_interpreters_of_one_version_are_told_apart(answers: Any) -> None:
    found = choose(["/a/python3.11", "/b/python3.11", "/c/python3.11"], None, [])
    assert labels(found) == ["3.11.7", "3.11.9-1", "3.11.9-2"]


def test_the_same_interpreter_twice_is_measured_once(answers: Any) -> None:
    assert labels(choose(["/a/python3.11", "/a/python3.11"], None, [])) == ["3.11"]


@pytest.mark.parametrize(
    ("path", "said", "gil", "message"),
    [
        ("/a/python3.11", {}, "both", "name one, e.g. --python 3.13t"),
        ("/a/python3.11", {}, "off", "needs a free-threaded build"),
        ("/a/python3.11", {}, "of", "did you mean 'off'?"),
        ("/a/python3.9", {"gilscope": None}, None, "gilscope needs 3.11 or newer"),
        ("/a/python3.11", {"gilscope": None}, None, "gilscope env add /a/python3.11, and use --python 3.11"),
        ("/a/python3.11", {"gilscope": "9.9"}, None, "has gilscope 9.9, this is .*: renew it with: gilscope env add"),
        ("/a/python3.11", {"source": "other"}, None, "from other sources: renew it with: gilscope env add"),
    ],
)
def test_what_cannot_be_done_is_one_line_with_the_cure(
    answers: Any, path: str, said: dict[str, Any], gil: Any, message: str
) -> None:
    answers[path] = said
    with pytest.raises(UsageError, match=message) as caught:
        choose([path], gil, [])
    assert "\n" not in str(caught.value)


def test_one_build_without_a_gil_to_switch_off_is_refused_among_others(answers: Any) -> None:
    with pytest.raises(UsageError, match=r"3\.11 was built with the GIL"):
        choose(["/a/python3.11", "/a/python3.13t"], "off", [])


def test_a_wrong_state_is_answered_with_the_nearest_word() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'both'"):
        choose([], "bth", [])  # type: ignore[arg-type]


def test_an_interpreter_of_a_result_is_found_again_in_its_state(
    answers: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "bin" / "python"
    program.parent.mkdir()
    program.touch()
    monkeypatch.setitem(PRETENDED, str(program), ((3, 13, 5), True))
    first = choose([str(program)], "both", [])
    kept_of = [entry.describe() for entry in first]
    again = [interpreters.reopen(kept["label"], kept["executable"], kept["gil_asked"], []) for kept in kept_of]
    assert [(entry.label, entry.environment, entry.about) for entry in again] == [
        (entry.label, entry.environment, entry.about) for entry in first
    ]


def test_what_a_result_keeps_has_no_name_of_the_user(answers: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/a")
    (entry,) = choose(["/a/python3.13t"], "on", [])
    kept = entry.describe()
    assert kept["executable"] == "~/python3.13t"
    assert (kept["label"], kept["gil_asked"], kept["free_threaded"]) == ("3.13t+gil", "on", True)
    json.dumps(kept)


# Finding --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of environments."""
    monkeypatch.setenv(environments.FOLDER_VARIABLE, str(tmp_path / "environments"))
    return tmp_path


def program(path: Path, text: str = "#!/bin/sh\nexit 0\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def test_an_environment_is_found_by_its_name(folder: Path) -> None:
    python = program(folder / "environments" / "3.99t" / "bin" / "python")
    (python.parents[1] / environments.RECORD_NAME).write_text('{"made_utc": "now"}')
    assert locate("3.99t") == str(python)


def test_the_running_version_is_the_running_interpreter(folder: Path) -> None:
    label = f"{sys.version_info.major}.{sys.version_info.minor}" + ("t" if interpreters.free_threaded_build() else "")
    assert locate(label) == sys.executable


def test_a_folder_with_an_interpreter_in_it_will_do(folder: Path) -> None:
    python = program(folder / "there" / "bin" / "python")
    assert locate(str(folder / "there")) == locate(str(python)) == str(python)


def test_a_version_is_a_command_on_the_path(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python = program(folder / "path" / "python3.99")
    monkeypatch.setenv("PATH", str(python.parent))
    assert locate("3.99") == locate("python3.99") == str(python)


def test_a_shim_is_passed_over_for_what_it_stands_for(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shim = program(folder / "shims" / "python3.99")
    real = program(folder / "pyenv" / "versions" / "3.99.1" / "bin" / "python3.99")
    monkeypatch.setenv("PATH", str(shim.parent))
    monkeypatch.setenv("PYENV_ROOT", str(folder / "pyenv"))
    assert locate("3.99") == str(real)


@pytest.mark.parametrize("word", ["3.98", "pythoon", "", "/nowhere/python", "~/no/such"])
def test_what_is_not_there_is_said_with_what_to_do(folder: Path, word: str) -> None:
    with pytest.raises(UsageError, match=r"gilscope env add|name its program|write it like"):
        locate(word)


# Asking ---------------------------------------------------------------------------------------------------------------


def test_the_running_interpreter_answers_what_is_known_of_it() -> None:
    said = ask(sys.executable, ["primes"])
    assert said["version_info"] == list(sys.version_info[:3])
    assert (said["gilscope"], said["source"]) == (gilscope.__version__, own_source())
    assert said["kernels"]["primes"]["py_loop"]["here"]["ok"]
    assert {"serial", "threads", "processes.spawn"} <= set(said["kernels"]["primes"]["py_loop"]["executors"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("#!/bin/sh\necho hello\n", "cannot run gilscope: exit status 0"),
        ("#!/bin/sh\necho oh no >&2\nexit 3\n", "cannot run gilscope: oh no"),
        ("no program at all", "cannot run gilscope: "),
    ],
)
def test_what_is_no_python_is_one_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        ask(str(program(tmp_path / "fake", text)), [])


def test_what_start_up_files_print_is_no_answer(tmp_path: Path) -> None:
    line = child.MARK + json.dumps({"fine": True})
    assert ask(str(program(tmp_path / "fake", f"#!/bin/sh\necho hello\necho '{line}'\n")), []) == {"fine": True}


def test_variables_of_this_python_stay_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONHOME", "/ours")
    monkeypatch.setenv("PYTHON_GIL", "0")
    monkeypatch.setenv("KEPT", "yes")
    found = child.surroundings(child.PLAIN)
    assert found["KEPT"] == "yes"
    assert not {"PYTHONHOME", "PYTHON_GIL"} & set(found)
    assert child.surroundings({**child.PLAIN, "PYTHON_GIL": "1"})["PYTHON_GIL"] == "1"
