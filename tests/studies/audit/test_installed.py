"""Distributions, their wheels, and what to do about extension modules whose files do not tell."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from gilscope.studies.audit import installed
from gilscope.studies.audit.children import ChildEvent, Inspected, Installed, Outcome, PythonFacts
from gilscope.studies.audit.installed import distributions, extensions, resolve_by_import, wheel_kind


@pytest.mark.parametrize(
    ("tags", "kind"),
    [
        (["cp313-cp313t-manylinux_2_17_x86_64", "cp313-cp313t-manylinux2014_x86_64"], "free_threaded"),
        (["cp315-abi3t-macosx_11_0_arm64"], "free_threaded"),
        (["cp311-cp311-manylinux_2_17_x86_64"], "other"),
        (["cp39-abi3-win_amd64"], "other"),
        (["py3-none-any"], "pure"),
        (["py2-none-any", "py3-none-any"], "pure"),
        (["cp313-cp313t-linux_x86_64"], "built_here"),
        ([], "unknown"),
    ],
)
def test_the_tags_say_what_kind_of_wheel_it_was(tags: list[str], kind: str) -> None:
    assert wheel_kind(tags) == kind


def seen(*entries: Installed) -> Inspected:
    python = PythonFacts(
        implementation="CPython",
        version="3.14.2",
        version_info=(3, 14),
        free_threaded=True,
        gil=False,
        executable="/fake/python",
    )
    return Inspected(python=python, distributions=entries)


def distribution(name: str, files: Sequence[str] = (), top: Sequence[str] = ()) -> Installed:
    found = tuple((module, f"/nowhere/{module}.so") for module in files)
    return Installed(name=name, version="1.0", tags=("py3-none-any",), top=tuple(top), extensions=found)


def test_distributions_are_sorted_by_name_whatever_their_case() -> None:
    assert [entry.name for entry in distributions(seen(distribution("b"), distribution("A")))] == ["A", "b"]


def test_a_module_that_no_distribution_lists_is_given_to_the_one_with_its_name() -> None:
    loaded = ChildEvent(event="loaded", module="mine.kernel._c", file="/tree/_c.so")
    stray = ChildEvent(event="loaded", module="stray", file="/tree/stray.so")
    there = seen(distribution("mine-project", top=["mine"]), distribution("other", ["other._c"]))
    rows = extensions(there, [Outcome(events=(loaded, stray), status=0)])
    owners = {row.module: (row.distribution, row.free_threading, row.how) for row in rows}
    assert owners == {
        "mine.kernel._c": ("mine-project", None, ""),
        "other._c": ("other", None, ""),
        "stray": (None, None, ""),
    }


def test_one_process_per_culprit_settles_all() -> None:
    runs: list[list[str]] = []

    def run(names: Sequence[str]) -> Outcome:
        """Import until c or e, which switch the GIL on."""
        runs.append(list(names))
        last = next((index for index, name in enumerate(names) if name in "ce"), len(names) - 1)
        begun = names[: last + 1]
        return Outcome(events=tuple(ChildEvent(event="importing", module=name) for name in begun), status=0)

    assert len(resolve_by_import(list("abcdef"), run)) == 3
    assert runs == [list("abcdef"), list("def"), ["f"]]


def test_a_process_that_imports_nothing_ends_the_attempt() -> None:
    assert len(resolve_by_import(["a"], lambda names: Outcome(events=(), status=1))) == 1


def test_the_answer_of_the_index_is_a_wheel_or_a_reason() -> None:
    url = "https://index.example/x/numpy-2.5.0-cp314-cp314t-manylinux_2_28_x86_64.whl#sha256=00"
    report = json.dumps({"install": [{"download_info": {"url": url}}]})
    assert installed._answer(0, report, "").wheel == "numpy-2.5.0-cp314-cp314t-manylinux_2_28_x86_64.whl"
    none = "ERROR: Could not find a version\nERROR: No matching distribution found for x"
    assert installed._answer(1, "", none) == installed.Indexed(reason="no such wheel")
    assert installed._answer(1, "", "No module named pip") == installed.Indexed(
        reason="the package index was not reached: No module named pip"
    )


def test_an_index_is_asked_once_per_abi(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    commands: list[list[str]] = []

    def refuse(command: list[str], **options: object) -> None:
        commands.append(command)
        raise OSError("no network")

    monkeypatch.setattr("subprocess.run", refuse)
    answers = installed.ask_index("numpy", ["cp313t", "cp314t"])
    assert {abi: answer.reason for abi, answer in answers.items()} == dict.fromkeys(
        ["cp313t", "cp314t"], "the package index was not reached: no network"
    )
    assert [word for command in commands for word in command if word.startswith("--python-version")] == [
        "--python-version=3.13",
        "--python-version=3.14",
    ]
