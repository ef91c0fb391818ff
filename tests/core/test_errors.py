"""The tree of errors is the one drawn in its docstring."""

from __future__ import annotations

import re

import pytest

from gilscope.core import errors

CLASSES = {name: value for name, value in vars(errors).items() if isinstance(value, type)}


def drawn() -> dict[str, tuple[str, str]]:
    """Return class -> (parent, builtin in brackets) of the drawing."""
    tree, stack = {}, []
    for line in errors.__doc__.splitlines():
        match = re.match(r"^    ([ |]*)(?:\+-- )?(\w+Error)(?:\((\w+)\))?", line)
        if match:
            depth = len(match[1]) // 4 + ("+--" in line)
            del stack[depth:]
            tree[match[2]] = (stack[-1] if stack else "Exception", match[3] or "")
            stack.append(match[2])
    return tree


def test_the_drawing_is_the_tree():
    tree = drawn()
    assert set(tree) == set(CLASSES) == set(errors.__all__) - {"one_line"}
    for name, (parent, builtin) in tree.items():
        assert CLASSES[name].__bases__[0].__name__ == parent
        if builtin:
            assert builtin in [base.__name__ for base in CLASSES[name].__bases__]


@pytest.mark.parametrize("name", sorted(set(CLASSES) - {"GilscopeError", "BrokenBarrierError"}))
def test_every_error_is_also_the_matching_builtin(name):
    assert issubclass(CLASSES[name], ValueError | RuntimeError | TimeoutError)


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_every_error_is_a_gilscope_error_and_says_its_message(name):
    error = CLASSES[name]("nbody/cy_nogil@threads*2#M: it went wrong")
    assert isinstance(error, errors.GilscopeError)
    assert str(error) == "nbody/cy_nogil@threads*2#M: it went wrong"


def test_what_is_unavailable_says_reason_and_cure():
    error = errors.UnavailableError("numba is not installed", "Install it with: pip install numba")
    assert str(error) == "numba is not installed; Install it with: pip install numba"
    assert (error.reason, error.cure) == ("numba is not installed", "Install it with: pip install numba")


@pytest.mark.parametrize(
    "kind", [errors.MeasurementError, errors.WorkerDiedError, errors.WorkerRaisedError, errors.RoundTimeoutError]
)
def test_a_failed_measurement_keeps_the_workers_last_words_apart_from_its_line(kind):
    error = kind("it died", "Traceback ...")
    assert (str(error), error.detail) == ("it died", "Traceback ...")
    assert kind("it died").detail == ""


def test_other_peoples_errors_are_named_in_one_line():
    assert errors.one_line(ValueError("a\n  b")) == "ValueError: a b"
