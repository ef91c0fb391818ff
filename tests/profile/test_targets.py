"""Targets and arguments as words: read without importing anything."""

from __future__ import annotations

from pathlib import Path

import pytest

from gilscope.core.errors import UsageError
from gilscope.profile.targets import check_target, own_functions, read_argument, read_work


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "path").mkdir()
    (tmp_path / "path" / "work file.py").write_text("def f(): pass\n")
    return tmp_path


@pytest.mark.parametrize(
    ("targets", "names"),
    [
        (["hashlib:sha256"], ["sha256"]),
        (["json:dumps", "json:loads"], ["dumps", "loads"]),
        (["json:dumps", "pickle:dumps"], ["json_dumps", "pickle_dumps"]),
        (["a.x:f", "b.x:f"], ["a_x_f", "b_x_f"]),
        (["mod:Class.method"], ["Class_method"]),
    ],
)
def test_every_function_gets_a_name_that_tells_it_from_the_others(targets: list[str], names: list[str]) -> None:
    assert [function.name for function in own_functions(targets, Path("/"))] == names


@pytest.mark.parametrize(
    ("target", "complaint"),
    [
        ("hashlib", "is not a function: write it like"),
        ("hashlib:", "is not a function: write it like"),
        (":f", "is not a function: write it like"),
        ("a b:f", "is not a function: write it like"),
        ("mod:f(1)", "is not a function: arguments go in --arg"),
        ("missing.py:f", "no file 'missing.py'"),
        ("__main__:f", "has no file a worker could import"),
    ],
)
def test_what_is_no_target_is_refused_with_the_form(target: str, complaint: str, folder: Path) -> None:
    with pytest.raises(UsageError, match=complaint.replace("(", r"\(")):
        check_target(target, folder)


def test_the_same_target_twice_is_refused() -> None:
    with pytest.raises(UsageError, match="is given twice"):
        own_functions(["json:dumps", "json:dumps"], Path("/"))


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("n=1000", ("n", 1000)),
        ("n = [1, 2]", ("n", [1, 2])),
        ("b'x'", ("", b"x")),
        ("'a=b'", ("", "a=b")),
        ("flag=None", ("flag", None)),
    ],
)
def test_arguments_are_literals_with_or_without_a_name(text: str, read: tuple[str, object]) -> None:
    assert read_argument(text) == read


@pytest.mark.parametrize("text", ["n=x", "open('/etc/passwd')", "n=", "n==3", "__import__('os')"])
def test_what_is_no_literal_is_never_evaluated(text: str) -> None:
    with pytest.raises(UsageError, match="is not a Python literal"):
        read_argument(text)


@pytest.mark.parametrize(
    ("text", "work"),
    [("flops=2e6,bytes=24e6", (2_000_000, 24_000_000)), ("bytes = 8", (0, 8)), ("flops=1.6", (2, 0))],
)
def test_what_a_call_does_is_read(text: str, work: tuple[int, int]) -> None:
    assert read_work(text) == work


@pytest.mark.parametrize("text", ["", "2e6", "flops", "flops=", "flops=no", "flops=0", "bytes=-1", "flops=1,flops=2"])
@pytest.mark.parametrize("more", ["", ",", ",units=3", ",bytes=nan", ",bytes=inf"])
def test_what_says_no_work_is_refused_in_one_line(text: str, more: str) -> None:
    with pytest.raises(
        UsageError, match=r"\Awork '[^\n]*' of one call: write it like flops=2e6,bytes=24e6, or one of them\Z"
    ):
        read_work(text + more)


def test_a_function_called_like_a_variant_keeps_a_name_of_its_own() -> None:
    functions = own_functions(["mod:f", "mod:f_nested"], Path("/"))
    assert [function.name for function in functions] == ["f", "f_nested_"]
