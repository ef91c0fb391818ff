"""``gilscope.compare``: from a Python callable to its comparison."""

from __future__ import annotations

import functools
import hashlib
import json
import sys
from pathlib import Path

import pytest

import gilscope
from gilscope.analysis.rows import CaseRow
from gilscope.analysis.to_json import json_schema
from gilscope.api import Comparison
from gilscope.core.errors import UsageError
from gilscope.kernels._byvalue import pack, unpack
from gilscope.profile.callables import IN_RUNNER, request_of
from tests.report.answers import answer, row
from tests.validators import keeps_to


def _on_top(n: int) -> int:
    return sum(range(n))


def _refers(n: int) -> int:
    return _on_top(n) + len(json.dumps(n))


@pytest.mark.parametrize(
    ("function", "target"),
    [(json.dumps, "json:dumps"), (hashlib.sha256, "_hashlib:openssl_sha256"), (json.JSONEncoder.encode, None)],
)
def test_what_has_a_name_is_sent_by_its_name(function: object, target: str | None) -> None:
    (found,) = request_of(function, (), {}).functions
    assert found.target == (target or "json.encoder:JSONEncoder.encode")
    assert found.code == ""


def test_a_function_of_a_file_that_is_on_no_path_is_sent_by_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (found,) = request_of(_on_top, (3,), {}).functions
    assert found.target in (f"{__file__}:_on_top", f"{__name__}:_on_top")


def test_a_partial_brings_its_arguments() -> None:
    request = request_of(functools.partial(int, "ff", base=16), (), {})
    assert (request.functions[0].target, request.arguments) == ("builtins:int", "(('ff',), {'base': 16})")


def test_arguments_that_are_no_literals_are_packed() -> None:
    assert request_of(json.dumps, ([1, "x"],), {}).packed == ""
    assert request_of(json.dumps, (range(3),), {}).packed
    assert request_of(json.dumps, (float("nan"),), {}).packed
    with pytest.raises(UsageError, match="arguments cannot be sent"):
        request_of(json.dumps, (lambda: 1,), {})


def test_a_closure_is_sent_as_its_code() -> None:
    base = 5

    def closed(n: int = 2, *, times: int = 3) -> int:
        return times * _refers(n) + base + (closed(0, times=1) if n else 0)

    copy = unpack(pack(closed))
    assert copy is not closed
    assert copy() == closed()


def test_what_a_closure_cannot_take_along_is_named() -> None:
    handle = sys.stdout

    with pytest.raises(UsageError, match="refers to handle"):
        pack(lambda: handle)


def test_several_lambdas_have_different_names() -> None:
    request = request_of([lambda: 1, lambda: 2], (), {})
    assert len({function.name for function in request.functions}) == 2


def test_a_script_that_a_worker_imports_does_not_measure_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(IN_RUNNER, "1")
    with pytest.raises(UsageError, match="if __name__ == '__main__'"):
        gilscope.compare(json.dumps, 1)


@pytest.mark.parametrize("function", [3, [], None])
def test_what_cannot_be_called_is_refused(function: object) -> None:
    with pytest.raises(UsageError, match=r"not? .*function"):
        request_of(function, (), {})


def _compared(*rows: CaseRow) -> Comparison:
    """Return the comparison of two functions of which ``f`` is the faster on one thread."""
    return Comparison(answer(rows, study={"functions": ["mod:f", "mod:g"]}), b"")


F_ALONE, G_ALONE = row("mod:f-mod:g/f@serial#8", rate=3.6e8), row("mod:f-mod:g/g@serial#8", rate=1e8)


def test_the_best_way_of_several_functions_is_the_one_with_the_highest_throughput() -> None:
    f_threads = row("mod:f-mod:g/f@threads*2#8", rate=3.5e8, speedup=0.97)
    g_processes = row("mod:f-mod:g/g@processes*2#8", rate=1.9e8, speedup=1.9)
    found = _compared(F_ALONE, G_ALONE, f_threads, g_processes)
    assert found.best.case == "mod:f-mod:g/g@processes*2#8", "the others do not gain"
    f_processes = row("mod:f-mod:g/f@processes*2#8", rate=7.0e8, speedup=1.94)
    assert _compared(F_ALONE, G_ALONE, g_processes, f_processes).best.function == "f"


def test_where_nothing_gains_the_best_way_is_one_call_after_the_other() -> None:
    found = _compared(G_ALONE, F_ALONE, row("mod:f-mod:g/f@threads*2#8", rate=3.7e8, speedup=1.03))
    assert (found.best.function, found.best.executor) == ("f", "serial")


def test_where_nothing_was_measured_there_is_no_best_way() -> None:
    bad = row("mod:f/f@threads*2#8", status="failed", reason="ValueError: <bad luck>")
    found = Comparison(answer([bad], study={"functions": ["mod:f"]}), b"")
    with pytest.raises(UsageError, match="could be measured: ValueError"):
        _ = found.best
    assert found.case("threads").reason == "ValueError: <bad luck>"
    assert "ValueError: &lt;bad luck&gt;" in found._repr_html_()
    assert found.verdict == "No case of mod:f could be measured."


@pytest.mark.slow
def test_a_comparison_shows_saves_and_explains_itself(tmp_path: Path) -> None:
    found = gilscope.compare(_on_top, 2000, budget="0.5s", workers=2, executors=["threads", "processes"])
    assert {way.status for way in found.cases} == {"ok"}
    assert found.case("threads").workers == 2
    assert found.case("threads").speedup.low <= found.case("threads").speedup.high
    assert found.best.rate.value > 0
    keeps_to(found.to_dict(), json_schema)
    assert "on_top" in repr(found)
    assert "2 processes" in found._repr_html_()
    assert gilscope.load(found.save(tmp_path)).study["functions"]
    with pytest.raises(UsageError, match="is there already"):
        found.save(tmp_path)
    with pytest.raises(UsageError, match="no case with 'native'"):
        found.case("native")


@pytest.mark.slow
def test_a_closure_is_measured_in_threads_and_refused_by_processes() -> None:
    size = 2000
    found = gilscope.compare(lambda: _on_top(size), budget_s=0.1, workers=2, executors=["threads", "processes"])
    assert found.case("threads").status == "ok"
    assert found.case("processes").status == "failed"
    assert "define it by def at the top of a module" in found.case("processes").reason
