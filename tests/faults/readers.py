"""What reads files from elsewhere, as users start it: the verbs of the command line, with nothing measured.

Every answer is checked: an exit status that means something, one line where something is wrong, no control character
for the terminal, JSON, SVG and pages that are whole.
"""

from __future__ import annotations

import contextlib
import copy
import functools
import importlib
import io
import json
import random
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from unittest import mock
from xml.etree import ElementTree

import typer

from gilscope import env
from gilscope.cli import FAILED, INTERRUPTED, OK, UNDECIDED, USAGE, main
from gilscope.env.environments import FOLDER_VARIABLE, RECORD_NAME
from gilscope.studies.kinds import FILE_NAMES

__all__ = ["HOSTILE", "Broken", "answer", "nothing_measured", "read_environment", "read_result", "read_study"]

HOSTILE = "</script><script>alert(1)</script>\x1b[2J\x9b2J\x07"
"""What commands a browser or a terminal that shows it as it is."""

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_RENDER = importlib.import_module("gilscope.report.page.render")  # its package has a function of that name


class Broken(Exception):  # noqa: N818 - not an error of ours: a promise that was not kept
    """An answer that no user should get."""


def answer(words: Sequence[str]) -> tuple[int, str, str]:
    """Run one command; return its exit status, what it printed and what it complained about.

    Raises
    ------
    Broken
        If it ended with another status, or refused with anything but one line.
    """
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = main(words)
    said = err.getvalue()
    if status not in (OK, FAILED, USAGE, UNDECIDED, INTERRUPTED):
        raise Broken(f"status {status}: {words}")
    if status == USAGE and (out.getvalue() or not re.fullmatch(r"gilscope: [^\n]{10,}\n", said)):
        raise Broken(f"no clear line: {words} printed {out.getvalue()[:200]!r} and said {said[:500]!r}")
    if _CONTROL.search(said) or _CONTROL.search(out.getvalue()):
        raise Broken(f"a control character reaches the terminal: {words}")
    return status, out.getvalue(), said


class _NoHost:
    """In place of the processes that measure: somebody presses Ctrl-C at once."""

    def __init__(self, *_: object, **__: object) -> None:
        raise KeyboardInterrupt


_capture = functools.cache(env.capture)


def _captured(**more: object) -> dict[str, Any]:
    return copy.deepcopy(_capture())  # who asks may add to it


@contextlib.contextmanager
def nothing_measured() -> Iterator[None]:
    """Replace what measures, and what asks this machine again and again about itself."""
    with (
        mock.patch("typer.main.get_command", functools.cache(typer.main.get_command)),  # always the same, and slow
        mock.patch.object(_RENDER, "_template", functools.cache(_RENDER._template)),
        mock.patch("gilscope.measure.host.SupervisorClient", _NoHost),
        mock.patch("gilscope.studies.host.SupervisorClient", _NoHost),
        mock.patch("gilscope.env.capture", _captured),
        mock.patch("gilscope.results.appending.os.fsync"),  # the disk is not what is tried here
    ):
        yield


# What is claimed about what a verb prints or writes -------------------------------------------------------------------


def _nothing(text: str) -> None:
    """Text for people: nothing but what is claimed of every answer."""


def _json(text: str) -> None:
    json.loads(text, parse_constant=lambda word: _fail(f"{word} is no JSON"))


def _svg(text: str) -> None:
    root = ElementTree.fromstring(text)
    if any(element.tag.rpartition("}")[2] == "script" for element in root.iter()):
        _fail("a script in a picture")


def _page(text: str) -> None:
    """At most the script that the policy of the page names; what names say stands escaped."""
    if "<script>alert" in text or _CONTROL.search(text.replace("\r", "")):
        _fail("a name reaches the page as it is")


def _fail(message: str) -> None:
    raise Broken(message)


_CHECKS: dict[str, Callable[[str], None]] = {
    **dict.fromkeys(("json", "perfetto", "pyperf", "pytest-benchmark"), _json),
    "svg": _svg,
    "html": _page,
    "text": _nothing,
    "csv": _nothing,
    "mermaid": _page,
}

# Results --------------------------------------------------------------------------------------------------------------

_TRACES = ("text", "svg", "html", "mermaid", "perfetto", "json")
_EXPORTS = ("csv", "json", "pytest-benchmark", "pyperf")
_PNG_EVERY = 2000  # its renderer takes long and is not ours


def read_result(path: Path, other: Path, generator: random.Random) -> str:
    """Read a result file with two verbs, drawn by the generator; return ``refused`` if both do that, else ``read``."""
    statuses = [_verb(path, other, generator, verb) for verb in generator.sample(sorted(_VERBS), 2)]
    refused = all(status == USAGE for status in statuses)
    if not refused and not generator.randrange(_PNG_EVERY):
        answer(["export", str(path), "--format", "png", "--out", str(_fresh(path, "pictures"))])
    return "refused" if refused else "read"


def _verb(path: Path, other: Path, generator: random.Random, verb: str) -> int:
    status, kind, text = _VERBS[verb](path, other, generator)
    if status == OK:
        _CHECKS[kind](text)
    return status


_Answer = tuple[int, str, str]


def _show(path: Path, other: Path, generator: random.Random) -> _Answer:
    status, out, _ = answer(["show", str(path), "--one-time"])
    return status, "text", out


def _show_json(path: Path, other: Path, generator: random.Random) -> _Answer:
    status, out, _ = answer(["show", str(path), "--json"])
    return status, "json", out


def _one_case(path: Path, other: Path, generator: random.Random) -> _Answer:
    words = ["show", str(path), "--case", _case(path, generator)]
    as_json = generator.random() < 0.5
    status, out, _ = answer([*words, "--json"] if as_json else words)
    return status, "json" if as_json else "text", out


def _compare(path: Path, other: Path, generator: random.Random) -> _Answer:
    pair = [str(path), str(other)]
    generator.shuffle(pair)
    as_json = generator.random() < 0.5
    more = ["--json"] if as_json else ["--fail-on", "slower:5%"]
    status, out, _ = answer(["compare", *pair, *more])
    return status, "json" if as_json else "text", out


def _export(path: Path, other: Path, generator: random.Random) -> _Answer:
    form = generator.choice(_EXPORTS)
    status, out, _ = answer(["export", str(path), "--format", form])
    return status, form, out


def _pictures(path: Path, other: Path, generator: random.Random) -> _Answer:
    folder = _fresh(path, "pictures")
    theme = generator.choice(("light", "dark"))
    status, _, _ = answer(["export", str(path), "--format", "svg", "--theme", theme, "--out", str(folder)])
    for file in folder.glob("*.svg"):
        _svg(file.read_text(encoding="utf-8"))
    return status, "text", ""


def _report(path: Path, other: Path, generator: random.Random) -> _Answer:
    page = _fresh(path, "page.html")
    results = [str(path), *generator.choice(((), (str(other),), (str(other), str(path))))]
    generator.shuffle(results)
    status, _, _ = answer(["report", *results, "--out", str(page)])
    return status, "html", page.read_text(encoding="utf-8") if status == 0 else ""


def _trace(path: Path, other: Path, generator: random.Random) -> _Answer:
    form = generator.choice(_TRACES)
    words = ["trace", str(path), "--format", form]
    if generator.random() < 0.5:
        words += ["--case", _case(path, generator)]
    if generator.random() < 0.3:
        words += ["--block", generator.choice(("0", "1", "9999999999999999999", "-1"))]
    status, out, _ = answer(words)
    return status, form, out


def _resume(path: Path, other: Path, generator: random.Random) -> _Answer:
    folder = _fresh(path, "resumed")
    folder.mkdir()
    shutil.copy(path, folder / "result.jsonl")
    status, _, _ = answer(["run", "--resume", "--quiet", "--out", str(folder)])
    if status == INTERRUPTED and (folder / "result.jsonl").exists():
        answer(["show", str(folder)])
    return status, "text", ""


_VERBS: dict[str, Callable[[Path, Path, random.Random], _Answer]] = {
    "show": _show,
    "show --json": _show_json,
    "show --case": _one_case,
    "compare": _compare,
    "export": _export,
    "export svg": _pictures,
    "report": _report,
    "trace": _trace,
    "run --resume": _resume,
}


def _case(path: Path, generator: random.Random) -> str:
    """Return a case that the file names, if it names one."""
    with path.open("rb") as file:
        found = re.findall(rb'"id": ?"([^"]{1,200})"', file.read(1 << 16))
    return generator.choice(found).decode("utf-8", "replace") if found else "x"


def _fresh(path: Path, name: str) -> Path:
    """Return a path beside a file at which there is nothing."""
    place = path.with_name(name)
    if place.is_dir():
        shutil.rmtree(place)
    place.unlink(missing_ok=True)
    return place


# Other files ----------------------------------------------------------------------------------------------------------


def read_study(path: Path, other: Path, generator: random.Random) -> str:
    """Read a study, its document or its file: in a folder by itself, and beside a result."""
    page = _fresh(path, "page.html")
    for beside in FILE_NAMES:
        if beside != path.name:
            path.with_name(beside).unlink(missing_ok=True)
    status, out, _ = answer(["show", str(path), "--json"])
    if status == 0:
        _json(out)
    if answer(["show", str(path)])[0] != status:
        raise Broken("a study that can be printed cannot be laid out, or the other way round")
    beside = path.with_name("result.jsonl")
    beside.unlink(missing_ok=True)
    alone, _, _ = answer(["report", str(path.parent), "--out", str(page)])
    if alone == 0:
        _page(page.read_text(encoding="utf-8"))
    shutil.copy(other, beside)
    status, said, _ = answer(["report", str(path.parent), "--out", str(page)])
    if status:
        raise Broken(f"a study spoils the report of the result beside it: {said}")
    _pictures(beside, other, generator)
    if path.suffix == ".jsonl":
        answer(
            [path.stem, "--resume", "--out", str(path.parent), "--quiet", generator.choice(["--json", "--budget=1h"])]
        )
    return "refused" if alone else "read"


def read_environment(path: Path, other: Path, generator: random.Random) -> str:
    """Read how an environment of ours was made."""
    folder = path.parent / "environments" / "3.13t"
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(path, folder / RECORD_NAME)
    with mock.patch.dict("os.environ", {FOLDER_VARIABLE: str(folder.parent)}):
        status, out, _ = answer(["env", "list", "--json"])
        _json(out)
        answer(["env", "list"])
        answer(["run", "--python", "3.13t"])
    return "refused" if status else "read"


READERS: dict[str, Callable[[Path, Path, random.Random], Any]] = {
    "result.jsonl": read_result,
    **dict.fromkeys(FILE_NAMES, read_study),
    RECORD_NAME: read_environment,
}
"""File name -> what reads it."""
