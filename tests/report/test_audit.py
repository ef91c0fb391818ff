"""The audit as people read it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from gilscope.cli import main
from gilscope.report.audit import render_audit
from gilscope.studies.audit import Audit, AuditRequest, calls, imports, installed


def module(name: str, status: str, by: str | None = None, **more: Any) -> dict[str, Any]:
    row = {"module": name, "status": status, "switched_on_by": by, "extensions": [], "import_s": 0.1, "reason": ""}
    return row | {"missing": "", "detail": "", "distribution": None, "undeclared": [], "cure": ""} | more


def extension(name: str, free_threading: bool | None) -> dict[str, Any]:
    row = {"module": name, "file": "/x.so", "distribution": "dist", "version": "1.0", "how": "file"}
    return row | {"free_threading": free_threading, "sub_interpreters": "own_gil" if free_threading else "no"}


def document(**parts: Any) -> Audit:
    facts = {"label": "3.14t", "implementation": "CPython", "version": "3.14.2", "executable": "python3.14t"}
    empty: dict[str, Any] = {"modules": [], "extensions": [], "distributions": [], "calls": []}
    return Audit.of({"interpreter": facts, **empty, **parts})


def test_the_culprit_the_cure_and_the_verdict_are_told() -> None:
    row = module("pkg", "gil_came_back", "pkg._c", distribution="dist", undeclared=["pkg._c", "pkg._d"], cure="update")
    text = render_audit(document(modules=[row, module("fine", "free")]), width=110)
    assert "CAME BACK" in text
    assert "pkg._c (dist)" in text
    assert "pkg._c switched the GIL back on; so would pkg._d" in text
    assert text.rstrip().endswith("the GIL comes back with pkg")


def test_a_failed_import_is_no_all_clear() -> None:
    row = module("pkg", "failed", reason="No module named 'x'", cure="python -m pip install x")
    text = render_audit(document(modules=[row]), width=110)
    assert "not found out about pkg" in text
    assert "does not switch the GIL on" not in text


@pytest.mark.parametrize(("names", "said"), [(["zlib"], "importing it"), (["zlib", "json"], "importing them")])
def test_a_clean_import_is_not_said_to_release_the_gil(names: list[str], said: str) -> None:
    text = render_audit(document(modules=[module(name, "free") for name in names]), width=200)
    assert f"{said} does not switch the GIL on" in text
    assert text.rstrip().endswith("whether a function releases it: --call")


def test_a_call_that_is_too_short_has_no_share_and_says_how_long_it_must_be() -> None:
    short = {"call": "zlib.crc32(b'')", "status": "ok", "verdict": "too_short", "per_call_s": 2e-6}
    text = render_audit(document(calls=[short | {"held": {"value": 1.0, "low": 1.0, "high": 1.0}}]), width=200)
    assert "100%" not in text
    assert "a call takes 2.00 us and must take at least 20.0 us: try data 10 times as large" in text


def test_of_many_extension_modules_those_without_the_declaration_are_listed() -> None:
    rows = [extension(f"good{index}", True) for index in range(40)] + [extension("bad", False)]
    text = render_audit(document(extensions=rows), width=110)
    assert "bad" in text
    assert "good7" not in text
    assert "40 of 41 extension modules declare support" in text


@pytest.mark.parametrize("width", [60, 80, 120])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    text = render_audit(
        document(
            modules=[module("a_package_with_a_long_name.inside", "gil_came_back", "another.one._c", cure="x " * 60)],
            extensions=[extension("a_package_with_a_long_name.inside._c", False)],
            calls=[
                {
                    "call": "zlib.crc32(bytes(10**7))",
                    "status": "ok",
                    "verdict": "releases",
                    "held": {"value": 0.01, "low": 0.0, "high": 0.02},
                    "per_call_s": 0.004,
                    "interpreter": "3.11",
                    "reason": "",
                }
            ],
        ),
        width=width,
    )
    assert max(len(line) for line in text.splitlines()) <= width


@pytest.mark.parametrize(("status", "expected"), [("free", 0), ("gil_came_back", 1), ("failed", 1)])
def test_the_exit_status_says_whether_the_gil_stayed_off(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], status: str, expected: int
) -> None:
    asked: list[AuditRequest] = []

    def fake(request: AuditRequest, progress: Callable[[str], None]) -> Audit:
        progress("importing pkg")
        asked.append(request)
        return document(modules=[module("pkg", status)])

    monkeypatch.setattr("gilscope.studies.audit.audit", fake)
    assert main(["audit", "pkg", "--python", "3.14t", "--online", "--json"]) == expected
    assert asked == [AuditRequest(modules=("pkg",), python="3.14t", online=True)]
    printed = capsys.readouterr()
    assert '"schema": "gilscope.audit"' in printed.out
    assert printed.err == ""  # no terminal, nobody watches


@pytest.mark.parametrize(
    ("verdict", "others", "expected"),
    [("too_short", [], 3), ("holds", [], 0), ("too_short", [{"call": "a.b()", "status": "failed"}], 1)],
)
def test_a_call_that_is_too_short_is_undecided_unless_something_failed(
    monkeypatch: pytest.MonkeyPatch, verdict: str, others: list[dict[str, str]], expected: int
) -> None:
    rows = [{"call": "zlib.crc32(b'')", "status": "ok", "verdict": verdict}, *others]
    monkeypatch.setattr("gilscope.studies.audit.audit", lambda request, progress: document(calls=rows))
    assert main(["audit", "--call", "zlib.crc32(b'')"]) == expected


@pytest.mark.parametrize(
    ("words", "cure"),
    [
        ([], "name modules, a --call, or --environment"),
        (["a-b"], "write it like package.module"),
        (["zlib.crc32(bytes(9))"], "put --call before it: gilscope audit --call 'zlib.crc32(bytes(9))'"),
    ],
)
def test_a_request_that_makes_no_sense_is_one_line(
    capsys: pytest.CaptureFixture[str], words: list[str], cure: str
) -> None:
    assert main(["audit", *words]) == 2
    assert cure in capsys.readouterr().err


@pytest.mark.parametrize("row", [imports.Import, installed.Extension, installed.Distribution, calls.AuditedCall])
def test_every_field_is_documented(row: type) -> None:
    text = (Path(__file__).parents[2] / "docs" / "schema.md").read_text(encoding="utf-8")
    section = text.partition("## The audit")[2]
    assert {field.name for field in fields(row) if f"`{field.name}`" not in section} == set()
