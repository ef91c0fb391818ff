"""Runs the tests under every interpreter found here, each in an environment of its own with what it can have.

    python .ci/matrix.py [--quick] [INTERPRETER...]     default: every CPython 3.11 or later found here
    python .ci/matrix.py [--quick] --free-threaded      one without the GIL; a line says why if there is none
    python .ci/matrix.py --newest                       both builds of the newest CPython, likewise

``--quick`` is what depends on the interpreter most: conformance, kernels, executors, the GIL probe, thread safety.
``--newest`` is what a new minor version breaks first: the GIL probe, thread safety, the audit.
Environments stay in ``build/environments``, so that a second run only tests. ``make test-all`` runs this.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

from wheels import ROOT, Failed, interpreters, python_of, run, say  # the program beside this one

from tests.interpreters import NEWEST, version  # in the folder that it has added
from tests.interpreters import found as find
from tests.interpreters import missing as why_none

ENVIRONMENTS = ROOT / "build" / "environments"
EXTRAS = ("numba", "report", "interpreters", "dask", "loky")
QUICK = ("tests/conformance", "tests/kernels", "tests/executors", "tests/telemetry", "tests/test_threads.py")
NEWEST_ONLY = (
    "tests/conformance/test_gil_stays_off.py",
    "tests/telemetry",
    "tests/studies/audit",
    "tests/test_threads.py",
)
OF_THE_GIL = ("tests/telemetry",)  # what a free-threaded build skips until its GIL is switched on


def requirements(*extras: str) -> list[str]:
    """Return what extras ask for; without any, what the package itself needs."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)["project"]
    found: list[str] = project["dependencies"] if not extras else []
    return found + [word for extra in extras for word in project["optional-dependencies"][extra]]


def prepare(label: str, python: str) -> tuple[Path, list[str]]:
    """Make or renew the environment of an interpreter; its program, and what it cannot have.

    Wheels only: where the newest version of a package has none for this Python, an older one may.
    """
    venv = ENVIRONMENTS / label
    program = python_of(venv)
    if not program.exists():
        run(python, "-m", "venv", venv)
    pip = (program, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:")
    needed = ("setuptools>=77", "cython>=3.1", *requirements(), *requirements("test"))
    try:
        run(*pip, *needed)
    except Failed:  # new versions of Python wait for wheels of psutil, which is compiled in seconds
        run(*pip, "--no-binary", "psutil", *needed)
    run(*pip, "--no-build-isolation", "--no-deps", "--editable", ROOT)
    missing = []
    for requirement in requirements(*EXTRAS):
        try:
            run(*pip, requirement)
        except Failed:  # the tests skip what needs it, and say so
            missing.append(requirement)
    return program, missing


def test(program: Path, others: dict[str, str], words: Sequence[str], *, free_threaded: bool) -> bool:
    """Run the tests, shown as they go; those of the GIL once more where it can be switched on. Whether all passed."""
    environment = {**os.environ, "GILSCOPE_TEST_PYTHONS": os.pathsep.join(others.values())}
    passed = _pytest(program, words, environment)
    if free_threaded:
        passed &= _pytest(program, OF_THE_GIL, {**environment, "PYTHON_GIL": "1"})
    return passed


def _pytest(program: Path, words: Sequence[str], environment: Mapping[str, str]) -> bool:
    command = [str(program), "-m", "pytest", "-q", "-p", "no:cacheprovider", *words]
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode == 0


def _newest(began: float) -> list[str]:
    """Return the interpreters of the newest version that can be had; a line says why where one cannot."""
    paths = []
    for name in NEWEST:
        path, reason = version(name)
        if path:
            paths.append(path)
        else:
            say(f"nothing tested under {name}: {reason}", began)
    return paths


def main() -> None:
    """Do all of it; exit status 1 if the tests failed under any interpreter."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="only what depends on the interpreter most")
    parser.add_argument("--free-threaded", action="store_true", help="under one without the GIL, if it can be had")
    parser.add_argument("--newest", action="store_true", help=f"a small selection under {' and '.join(NEWEST)}")
    parser.add_argument("interpreters", nargs="*", metavar="INTERPRETER")
    asked, began, failed = parser.parse_args(), time.monotonic(), []
    if asked.free_threaded:
        python = find(free_threaded=True)
        if python is None:
            say(f"nothing tested without the GIL: {why_none(free_threaded=True)}", began)
            return
        asked.interpreters = [python]
    if asked.newest:
        asked.interpreters = _newest(began)
        if not asked.interpreters:
            return
    words = NEWEST_ONLY if asked.newest else QUICK if asked.quick else ()
    found = interpreters(asked.interpreters)
    for label, python in found.items():
        program, missing = prepare(label, python)
        without = f" without {', '.join(missing)}" if missing else ""
        say(f"{label}: ready{without} ({python})", began)
        if not test(program, found, words, free_threaded=label.endswith("t")):
            failed.append(label)
        say(f"{label}: {'FAILED' if label in failed else 'passed'}", began)
    if failed:
        sys.exit(f"failed under {', '.join(failed)} of {', '.join(found)}")
    say(f"passed under {', '.join(found)}", began)


if __name__ == "__main__":
    main()
