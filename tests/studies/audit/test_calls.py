"""Whether functions release the GIL."""

from __future__ import annotations

import pytest

from gilscope.core.errors import UsageError
from gilscope.studies.audit.calls import bind, check_snippet, measure_call, verdict_of
from gilscope.telemetry.gil import probe_availability


@pytest.mark.parametrize("text", ["", "3", "zlib.crc32", "a.b(1", "a.b(1); c.d()", "x = a.b(1)"])
def test_what_is_no_call_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError, match=r"write it like --call 'zlib\.crc32"):
        check_snippet(text)


@pytest.mark.parametrize(
    ("text", "fixed"),
    [
        ("f(make())", r"f is not a name of a module: write module\.f\(module\.make\(\)\)$"),
        ("sum(range(9))", r"sum is not a name of a module: write builtins\.sum\(range\(9\)\)$"),
    ],
)
def test_a_function_without_its_module_gets_one(text: str, fixed: str) -> None:
    with pytest.raises(UsageError, match=fixed):
        check_snippet(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("math.sqrt(9.0)", 3.0),
        ("os.path.basename('a/b')", "b"),
        ("json.dumps([1], indent=None)", "[1]"),
        ("xml.dom.minidom.parseString(bytes(b'<a/>')).toxml()", '<?xml version="1.0" ?><a/>'),
        ("operator.add(len('ab'), math.floor(1.5))", 3),
    ],
)
def test_functions_and_modules_in_arguments_are_imported(text: str, expected: object) -> None:
    assert bind(check_snippet(text))() == expected


def test_arguments_are_evaluated_once() -> None:
    bound = bind(check_snippet("operator.is_(object(), None)"))
    numbers = bind(check_snippet("builtins.next(itertools.count(5))"))
    assert bound() is False
    assert [numbers(), numbers()] == [5, 6]


@pytest.mark.parametrize(
    ("low", "high", "per_call_s", "verdict"),
    [
        (0.0, 0.02, 1e-3, "releases"),
        (0.97, 1.0, 1e-3, "holds"),
        (0.4, 0.5, 1e-3, "partly"),
        (0.0, 0.2, 1e-3, "partly"),
        (0.97, 1.0, 1e-6, "too_short"),
    ],
)
def test_the_interval_decides(low: float, high: float, per_call_s: float, verdict: str) -> None:
    assert verdict_of(low, high, per_call_s) == verdict


@pytest.mark.measuring
@pytest.mark.parametrize(
    ("text", "verdict"),
    [("zlib.crc32(bytes(10**7))", "releases"), ("builtins.sum(builtins.range(10**6))", "holds")],
)
def test_c_functions_are_told_apart(text: str, verdict: str) -> None:
    row = measure_call(text)
    if row.status == "unavailable":
        assert not probe_availability().ok
        pytest.skip(f"no GIL probe here: {row.reason}")
    assert (row.status, row.verdict) == ("ok", verdict)


def test_a_call_that_raises_is_a_row_with_its_last_line() -> None:
    row = measure_call("math.sqrt(-1.0)")
    assert row.status == "failed"
    assert row.reason.startswith("ValueError")
