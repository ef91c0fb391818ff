"""The version is the same wherever it is written, and the steps of a release name what exists."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import gilscope

ROOT = Path(__file__).parent.parent
HEADING = re.compile(r"^## \[([^]]+)\](?: - (\d{4}-\d{2}-\d{2}))?$", re.MULTILINE)


def _text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def _releases() -> list[tuple[str, str]]:
    """Versions and dates of the changelog, newest first."""
    return HEADING.findall(_text("CHANGELOG.md"))


def test_one_version_is_written_everywhere() -> None:
    [cited] = re.findall(r"^version: (\S+)$", _text("CITATION.cff"), re.MULTILINE)
    declared = tomllib.loads(_text("pyproject.toml"))["project"]["version"]
    assert {gilscope.__version__, declared, cited} == {_releases()[1][0]}


def test_the_changelog_has_what_is_unreleased_and_then_versions_in_order_with_their_dates() -> None:
    (first, no_date), *releases = _releases()
    assert (first, no_date) == ("Unreleased", "")
    keys = [(tuple(map(int, version.split("."))), date) for version, date in releases]
    assert keys == sorted(keys, reverse=True)
    assert all(date for _, date in keys)
    [cited] = re.findall(r"^date-released: (\S+)$", _text("CITATION.cff"), re.MULTILINE)
    assert cited == releases[0][1]


def test_a_version_has_each_kind_of_change_once() -> None:
    for section in re.split(r"^## ", _text("CHANGELOG.md"), flags=re.MULTILINE)[1:]:
        kinds = re.findall(r"^### (.+)$", section, re.MULTILINE)
        assert len(kinds) == len(set(kinds)), section.partition("\n")[0]
        assert set(kinds) <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def test_the_steps_of_a_release_name_what_exists() -> None:
    commands = re.findall(r"^\| \d+\. .* \| `(.+)` \|$", _text("docs/releasing.md"), re.MULTILINE)
    numbers = re.findall(r"^\| (\d+)\. ", _text("docs/releasing.md"), re.MULTILINE)
    assert [int(number) for number in numbers] == list(range(1, len(commands) + 1))
    targets = re.findall(r"^([a-z-]+):", _text("Makefile"), re.MULTILINE)
    for command in commands:
        for target in re.findall(r"make ([a-z-]+)", command):
            assert target in targets, command
        for path in re.findall(r"(?<![\w/.*-])(?:tests|docs|\.ci)/[\w./]+", command):
            assert (ROOT / path).exists(), command
