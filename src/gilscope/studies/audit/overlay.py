"""Other versions of a package, each in a folder of its own that an interpreter looks into first."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gilscope.core.errors import UsageError
from gilscope.env import child, environments

_LIMIT_S = 600.0
_WANTED = re.compile(r"(?P<name>[A-Za-z0-9][\w.-]*)\s*==\s*(?P<versions>[\w.*+!-]+(?:\s*,\s*[\w.*+!-]+)*)")
_WHOLE = 2  # dots in a version that names one release


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlay:
    """A folder with one version of a package and what it needs, or the ``problem`` why there is none."""

    label: str  # name and version
    folder: str = ""
    problem: str = ""
    variables: dict[str, str | None] = field(init=False)

    def __post_init__(self) -> None:
        paths = os.pathsep.join(filter(None, (self.folder, os.environ.get("PYTHONPATH"))))
        object.__setattr__(self, "variables", {"PYTHONPATH": paths} if self.folder else {})


def parse_requirements(texts: Sequence[str]) -> list[tuple[str, str]]:
    """Read ``name==1.2,2`` as (name, version) pairs; raise UsageError for anything else."""
    found = []
    for text in texts:
        match = _WANTED.fullmatch(text.strip())
        if match is None:
            raise UsageError(
                f"--with {text!r} does not name versions of a package: write it like --with 'numpy==1.26,2'"
            )
        found += [(match["name"], version.strip()) for version in match["versions"].split(",")]
    return found


def overlays(python: str, wanted: Sequence[tuple[str, str]]) -> Iterator[Overlay]:
    """Yield a folder per version, installed by pip of ``python`` for it; one that is there already is taken as it is.

    A version of fewer than three parts means its newest release: 48 is 48.*.
    """
    for name, version in wanted:
        exact = version if version.count(".") >= _WHOLE or version.endswith("*") else f"{version}.*"
        key = hashlib.sha256(f"{python}\n{name}=={exact}".encode()).hexdigest()[:16]
        folder = environments.folder() / "packages" / key
        problem = "" if folder.is_dir() else _install(python, f"{name}=={exact}", folder)
        if problem:
            yield Overlay(label=f"{name} {version}", problem=problem)
        else:
            yield Overlay(label=_label(folder, name, version), folder=str(folder))


def _install(python: str, requirement: str, folder: Path) -> str:
    """Install into a new folder, whole or not at all; return the problem, or an empty text."""
    making = folder.with_name(f"{folder.name}.{os.getpid()}")
    command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:"]
    command += ["--target", str(making), requirement]
    try:
        folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryFile() as output:
            status = child.run(command, output, timeout_s=_LIMIT_S, environment=child.PLAIN)
            output.seek(0)
            said = output.read().decode(errors="replace").splitlines()
        if status == 0:
            making.rename(folder)
            return ""
        if status is None:
            return f"pip took longer than {_LIMIT_S:g} s"
        lines = [line for line in said if line.startswith("ERROR:")] or said or ["no reason given"]
        return f"pip cannot install it: {lines[-1].removeprefix('ERROR: ')[:200]}"
    except OSError as error:
        return f"{error.filename or python}: {error.strerror}"
    finally:
        shutil.rmtree(making, ignore_errors=True)


def _label(folder: Path, name: str, version: str) -> str:
    """Return name and version as installed."""
    plain = re.sub(r"[-_.]+", "_", name).lower()
    for entry in folder.glob("*.dist-info"):
        found, _, whole = entry.name.removesuffix(".dist-info").partition("-")
        if re.sub(r"[-_.]+", "_", found).lower() == plain:
            return f"{name} {whole}"
    return f"{name} {version}"
