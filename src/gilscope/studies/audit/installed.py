"""What the environment holds: distributions with their wheel tags, extension modules with what they declare."""

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias

from gilscope.env.child import PLAIN, surroundings
from gilscope.studies.audit.children import Inspected, Installed, Outcome
from gilscope.studies.audit.declared import Declaration, Support, read_file
from gilscope.studies.audit.imports import declared_by

WheelKind: TypeAlias = Literal["free_threaded", "pure", "built_here", "other", "unknown"]

_INDEX_S = 60.0
_FIRST_ABI3T = 15  # CPython 3.15 has a stable ABI for free-threaded builds too (PEP 803)
_MOST_ROUNDS = 50  # children of resolve_by_import: one per module that switches the GIL on
_PIP = (
    "-m pip install --dry-run --quiet --no-deps --ignore-installed --disable-pip-version-check --no-input "
    "--only-binary=:all: --report=- --implementation=cp"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Indexed:
    """The file name of the newest wheel that the package index has for one ABI, or the reason why there is none."""

    wheel: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """An installed distribution."""

    name: str
    version: str
    tags: tuple[str, ...]  # of the wheel it was installed from
    wheel: WheelKind  # what the tags mean; built_here: for this machine only, so from source
    top: tuple[str, ...]  # top-level modules
    index: Mapping[str, Indexed] = field(default_factory=dict)  # by ABI, such as cp314t; empty unless requested


@dataclass(frozen=True, slots=True, kw_only=True)
class Extension:
    """An extension module of the environment."""

    module: str
    file: str
    distribution: str | None
    version: str | None
    free_threading: bool | None  # whether it declares that it can run without the GIL; None: unknown
    sub_interpreters: Support | None
    how: Literal["file", "import", ""]  # read from the file without running it, or observed when it was imported


def wheel_kind(tags: Sequence[str]) -> WheelKind:
    """Return what kind of wheel has these tags, such as ``cp313-cp313t-manylinux_2_28_x86_64``."""
    parts = [tag.split("-") for tag in tags if tag.count("-") == 2]
    if not parts:
        return "unknown"
    if all(abi == "none" for _, abi, _ in parts):
        return "pure"
    if all(platform.startswith("linux_") for _, _, platform in parts):
        return "built_here"
    abis = [abi for _, some, _ in parts for abi in some.split(".")]
    return "free_threaded" if any(re.fullmatch(r"cp3\d+t|abi3t", abi) for abi in abis) else "other"


def distributions(inspected: Inspected) -> list[Distribution]:
    """Return what is installed, sorted by name."""
    return [
        Distribution(name=one.name, version=one.version, tags=one.tags, wheel=wheel_kind(one.tags), top=one.top)
        for one in sorted(inspected.distributions, key=lambda one: one.name.lower())
    ]


def extensions(inspected: Inspected, outcomes: Sequence[Outcome], *, everything: bool = True) -> list[Extension]:
    """Return the extension modules that distributions list, and those that children loaded from elsewhere.

    Without ``everything``, only of distributions of which something was loaded: each file is read as a whole.
    """
    owners, events = inspected.distributions, [event for outcome in outcomes for event in outcome.events]
    loaded = {event.module: event.file for event in events if event.event == "loaded" and event.file}
    places: dict[str, tuple[str, str | None, str | None]] = {}
    for owner in owners:
        if everything or any(module in loaded for module, _ in owner.extensions):
            places |= {module: (file, owner.name, owner.version) for module, file in owner.extensions}
    for module, file in loaded.items():
        places.setdefault(module, (file, *_owner(module, owners)))
    return completed([_from_file(module, *place) for module, place in sorted(places.items())], outcomes)


def completed(rows: Iterable[Extension], outcomes: Sequence[Outcome]) -> list[Extension]:
    """Return the rows, with what imports showed of those whose files do not tell."""
    declared, completed_rows = declared_by(outcomes), []
    for row in rows:
        if row.free_threading is None and (found := declared.get(row.module)) is not None:
            support = found.sub_interpreters or row.sub_interpreters
            row = replace(row, free_threading=found.free_threading, sub_interpreters=support, how="import")
        completed_rows.append(row)
    return completed_rows


def _owner(module: str, owners: Iterable[Installed]) -> tuple[str | None, str | None]:
    """Return the distribution a module belongs to by its top-level name, as when it is installed in editable mode."""
    top = module.partition(".")[0]
    found = [(owner.name, owner.version) for owner in owners if top in owner.top or top == owner.name]
    return found[0] if len(found) == 1 else (None, None)


def _from_file(module: str, file: str, distribution: str | None, version: str | None) -> Extension:
    found = read_file(Path(file), module) or Declaration(free_threading=None, sub_interpreters=None)
    return Extension(
        module=module,
        file=file,
        distribution=distribution,
        version=version,
        free_threading=found.free_threading,
        sub_interpreters=found.sub_interpreters,
        how="" if found.free_threading is None else "file",
    )


def resolve_by_import(names: Sequence[str], run: Callable[[Sequence[str]], Outcome]) -> list[Outcome]:
    """Import modules until it is known of each whether it switches the GIL on.

    ``run(names)`` imports them in order in a fresh process, until the GIL is on or one crashes.
    """
    outcomes: list[Outcome] = []
    left = list(names)
    while left and len(outcomes) < _MOST_ROUNDS:
        outcome = run(left)
        outcomes.append(outcome)
        begun = {event.module for event in outcome.events if event.event == "importing"}
        if not begun:
            break
        left = [name for name in left if name not in begun]
    return outcomes


def ask_index(name: str, abis: Sequence[str]) -> dict[str, Indexed]:
    """Ask the package index, through pip, which wheel it has of a distribution for each ABI, such as ``cp314t``."""
    return {abi: _indexed(name, abi) for abi in abis}


def _indexed(name: str, abi: str) -> Indexed:
    version = f"3.{abi[3:].rstrip('t')}"
    with tempfile.TemporaryDirectory(prefix="gilscope-audit-") as folder:
        command = [sys.executable, *_PIP.split(), "--target", folder, f"--python-version={version}", f"--abi={abi}"]
        if int(abi[3:].rstrip("t")) >= _FIRST_ABI3T:
            command.append("--abi=abi3t")
        try:
            done = subprocess.run(
                [*command, name],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                env=surroundings(PLAIN),
                timeout=_INDEX_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return Indexed(reason=f"the package index was not reached: {error}")
    return _answer(done.returncode, done.stdout, done.stderr)


def _answer(status: int, report: str, complaint: str) -> Indexed:
    """Read pip's report, or its complaint."""
    if status == 0:
        found: list[Mapping[str, Any]] = json.loads(report)["install"]
        return Indexed(wheel=found[0]["download_info"]["url"].rpartition("/")[2].partition("#")[0])
    if "No matching distribution" in complaint:
        return Indexed(reason="no such wheel")
    last = complaint.strip().rpartition("\n")[2] or f"pip ended with exit status {status}"
    return Indexed(reason=f"the package index was not reached: {last}")
