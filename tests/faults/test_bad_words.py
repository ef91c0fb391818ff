"""Words as chance and malice write them: on the command line, in pyproject.toml, in ids. An answer or one clear line.

The measuring behind each verb is replaced, so that nothing is measured, and no program named on the way is run.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import typer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gilscope.cli.app import app
from gilscope.cli.readers import parse_sizes
from gilscope.cli.settings import KEYS
from gilscope.core.cases import Case
from gilscope.core.errors import GilscopeError, UsageError
from gilscope.core.registry import EXECUTORS, IMPLEMENTATIONS, KERNELS
from gilscope.core.units import parse_bytes, parse_duration_s, parse_fraction
from gilscope.env.environments import FOLDER_VARIABLE
from gilscope.env.files import parse_cpu_list
from gilscope.profile.targets import check_target, read_argument, unique_names
from gilscope.results.codec import parse_slot
from gilscope.tour._shown import ShownChapter
from tests.faults.conftest import ALL
from tests.faults.mutations import SEEDS
from tests.faults.readers import HOSTILE, answer, nothing_measured
from tests.report import studies
from tests.report.answers import mandelbrot
from tests.report.gil.test_text import report as gil_report
from tests.report.gil.test_text import seen
from tests.report.test_audit import document as audit_document
from tests.report.traces import two_sleeps

EXAMPLES = 2000 if ALL else 40
LONG = 20_000  # letters: whoever takes a time that grows with their square is seen

many = settings(
    max_examples=EXAMPLES,
    deadline=10_000,  # ms for each example: generous on a busy machine, too little for what grows with a square
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

# Text that is nearly right --------------------------------------------------------------------------------------------

letters = st.characters(exclude_characters="/~\0")  # no path may lead out of the folder a test runs in
digits = st.one_of(
    st.integers(-3, 10**20).map(str),
    st.sampled_from(["9" * 400, "9" * LONG, "٣", "¹", "1_0", "1e309", "-0", ".5", "5."]),
)
numbers = st.builds("".join, st.lists(st.one_of(digits, st.sampled_from(list("+-.,: %"))), max_size=3))
quantities = st.builds(
    "{}{}{}".format,
    numbers,
    st.sampled_from(["", " ", " " * LONG, "\n"]),
    st.sampled_from(["", "s", "ms", "us", "ns", "m", "h", "%", "G", "KiB", "k", "B", "\u212a", "parsec"]),
)
words = st.sampled_from(
    [*EXECUTORS, *IMPLEMENTATIONS, *KERNELS, "XS", "M", "spawn", "shm", "weak", "3.13t", "both", "smt"]
)
odd = st.sampled_from(
    ["", " ", ",", "-", "--", "-m", "none", "x" * 5000, HOSTILE, "\udcff", "\x1b[2J", "%s", "{}", "*", "3**", "[",
     "..", "../..", "a/..", "a/b/c", "good.jsonl", "there", "a.py:f", "a.py:", ":", "json:dumps", "a b:c", "n=", "=1",
     "n=1", "n=[", "n=" + "(" * 5000, "tcp://127.0.0.1:1", "slower:5%", "slower:", "nan", "inf", "/dev/null/x",
     "/proc/nothing", "é" * 300]
)  # fmt: skip
any_text = st.one_of(quantities, words, odd, st.text(letters, max_size=12))
lists = st.lists(any_text, min_size=1, max_size=3).map(",".join)
case_ids = st.builds(
    "{}{}/{}@{}{}{}#{}{}{}".format,
    st.sampled_from(["", "", "spin:", "A/A:", "isolated:", ":"]),
    st.one_of(words, st.sampled_from(["a.b:c", "p/f.py:g", "", "é"])),
    words,
    st.one_of(words, st.just("processes.spawn.pickle.weak.dynamic")),
    st.sampled_from(["", "*", "**"]),
    digits,
    words,
    st.one_of(st.just(""), st.builds("~c{}".format, digits)),
    st.sampled_from(["", "!3.13t", "!", "!!"]),
)


def refused_or_read(read: Any, *given: Any) -> Any:
    """Return what was read, or None where it was refused."""
    with contextlib.suppress(UsageError):
        return read(*given)
    return None


@many
@given(quantities)
def test_a_quantity_is_read_within_its_bounds_or_refused(text: str) -> None:
    duration = refused_or_read(parse_duration_s, text)
    assert duration is None or 0 < duration < float("inf")
    fraction = refused_or_read(parse_fraction, text)
    assert fraction is None or 0 < fraction < 1
    size = refused_or_read(parse_bytes, text)
    assert size is None or 1 <= size < 2**63
    sizes = refused_or_read(parse_sizes, text)
    assert sizes is None or all(1 <= size <= 1 << 40 for size in sizes)


@many
@given(st.one_of(case_ids, any_text))
def test_a_case_id_is_refused_or_read_and_written_the_same(text: str) -> None:
    case = refused_or_read(Case.parse, text)
    assert case is None or Case.parse(case.id) == case
    with contextlib.suppress(GilscopeError, ValueError):  # what the reader of results takes for damage
        slot = parse_slot(text)
        assert parse_slot(slot.key) == slot


@many
@given(st.lists(st.one_of(numbers, st.builds("{}-{}".format, digits, digits)), max_size=4).map(",".join))
def test_a_list_of_cpus_never_has_more_than_there_can_be(text: str) -> None:
    assert all(0 <= cpu < 100_000 for cpu in parse_cpu_list(text))


@many
@given(any_text)
def test_a_target_is_one_or_is_refused(tmp_path: Path, text: str) -> None:
    target = refused_or_read(check_target, text, tmp_path)
    assert target in (None, text)
    if target:
        assert unique_names([target, target])[0].isidentifier()
    argument = refused_or_read(read_argument, text)
    assert argument is None or argument[0] == "" or argument[0].isidentifier()


# The command line -----------------------------------------------------------------------------------------------------


def _tree() -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield the words and the command of every verb there is."""
    waiting: list[tuple[tuple[str, ...], Any]] = [((), typer.main.get_command(app))]
    while waiting:
        path, command = waiting.pop()
        yield path, command
        waiting += [((*path, name), inner) for name, inner in sorted(getattr(command, "commands", {}).items())]


VERBS = {" ".join(path): command for path, command in sorted(_tree(), key=lambda entry: entry[0])}


def _option(parameter: Any) -> st.SearchStrategy[list[str]]:
    names = st.sampled_from(parameter.opts)
    if getattr(parameter, "is_flag", False):
        return names.map(lambda name: [name])
    values = st.one_of(any_text, lists)
    return st.one_of(
        st.builds(lambda name, value: [name, value], names, values),
        st.builds("{}={}".format, names, values).map(lambda word: [word]),
    )


def command_lines(verb: str) -> st.SearchStrategy[list[str]]:
    """Return command lines of a verb: any of its options with any values, and words besides."""
    options = [_option(parameter) for parameter in VERBS[verb].params if parameter.opts[0].startswith("-")]
    parts = st.lists(st.one_of(*options, any_text.map(lambda word: [word])), max_size=5)
    return parts.map(lambda found: [*verb.split(), *(word for part in found for word in part)])


def _measured(kind: Any, *_: Any, **__: Any) -> Any:
    return getattr(studies, kind.name)()


def _gil(*_: object, **__: object) -> tuple[Any, Any]:
    return mock.Mock(forked_child=False, exit_status=0, message=""), gil_report(seen(0.5))


@contextlib.contextmanager
def _nothing_runs() -> Iterator[None]:
    """Replace all that measures or starts a program."""
    replaced = {
        "gilscope.api.measure_functions": lambda *_, **__: mandelbrot(),
        "gilscope.studies.engine.carry_out": _measured,
        "gilscope.cli.gil._measured": _gil,
        "gilscope.cli.tour._show": lambda *_, **__: ShownChapter(
            name="x", title="x", text="", experiments=(), remember=""
        ),
        "gilscope.studies.audit.audit": lambda *_, **__: audit_document(),
        "gilscope.studies.traced.trace_function": lambda *_, **__: two_sleeps(),
        "gilscope.kernels.digest.main": lambda *_: None,
        "gilscope.executors.dask.workers_of": lambda address: 2,
        "subprocess.run": _refuse,
        "subprocess.Popen": _refuse,
    }
    with nothing_measured(), contextlib.ExitStack() as stack:
        for name, value in replaced.items():
            stack.enter_context(mock.patch(name, value))
        yield


def _refuse(*_: object, **__: object) -> None:
    raise PermissionError(13, "Permission denied")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A deep current folder with something to find in it: no relative path that is drawn leads out of it."""
    root = tmp_path_factory.mktemp("words")
    folder = root / "a" / "b" / "c" / "d"
    (folder / "there").mkdir(parents=True)
    for name in ("good.jsonl", "there/result.jsonl"):
        (folder / name).write_bytes((SEEDS / "a.jsonl").read_bytes())
    (folder / "a.py").write_text("raise SystemExit('it was imported')\n")
    before = os.getcwd()
    variables = {FOLDER_VARIABLE: str(root / "environments"), "HOME": str(root), "PYENV_ROOT": str(root / "pyenv")}
    os.chdir(folder)
    try:
        with _nothing_runs(), mock.patch.dict("os.environ", variables):
            yield folder
    finally:
        os.chdir(before)


def sensible(arguments: Sequence[str]) -> None:
    """Claim that a command line gets an answer or one clear line (``answer`` looks at both)."""
    answer(list(arguments))


@pytest.mark.parametrize("verb", VERBS)
def test_any_command_line_gets_an_answer_or_one_clear_line(verb: str, place: Path) -> None:
    @settings(many, max_examples=max(10, EXAMPLES // 10))
    @given(command_lines(verb))
    def claim(arguments: list[str]) -> None:
        sensible(arguments)

    claim()


# pyproject.toml -------------------------------------------------------------------------------------------------------

toml_values = st.one_of(
    st.sampled_from(
        ["true", "0", "-1", "1.5", "nan", "inf", "0x" + "f" * 5000, "9" * 5000, "1979-05-27", "[]", "{}", "[[1]]", "''",
         "[" * 2000 + "]" * 2000, '"a\\u0000b"', '"\\u001b[2J"', "{a = 1}", "[1, 'x']", "x"]
    ),
    any_text.map(lambda text: "'" + text.replace("'", "").encode("utf-8", "replace").decode() + "'"),
)  # fmt: skip
toml_keys = st.one_of(st.sampled_from(KEYS), st.sampled_from(["", "''", "wrokers", "a.b", "start_method", '"\\u001b"']))
headers = st.sampled_from(
    ["[tool.gilscope]", "[tool.gilscope]", "[[tool.gilscope]]", "[tool]", "tool = 3", "", "[", "tool = []"]
)


@many
@given(headers, st.lists(st.builds("{} = {}".format, toml_keys, toml_values), max_size=3))
def test_any_settings_give_an_answer_or_one_clear_line(place: Path, header: str, lines: list[str]) -> None:
    path = place / "pyproject.toml"
    path.write_text("\n".join([header, *lines]), encoding="utf-8", errors="replace", newline="")
    try:
        sensible(["run", "--quiet"])
        sensible(["metg", "--quiet"])
    finally:
        path.unlink()


@pytest.mark.parametrize("make", ["mkfifo", "mkdir", "zeros"])
def test_settings_that_are_no_file_are_refused_without_waiting(make: str, place: Path) -> None:
    path = place / "pyproject.toml"
    {"mkfifo": os.mkfifo, "mkdir": os.mkdir, "zeros": lambda there: os.symlink("/dev/zero", there)}[make](path)
    try:
        status, _, said = answer(["run", "--quiet"])
    finally:
        path.rmdir() if make == "mkdir" else path.unlink()
    assert status == 2
    assert "pyproject.toml" in said
