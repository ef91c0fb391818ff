"""Write the skeleton of a new kernel into a source checkout.

All that could go wrong is looked at before the first file is written.
"""

from __future__ import annotations

import ast
import keyword
import re
from pathlib import Path
from string import Template

from gilscope.core.errors import UsageError
from gilscope.kernels._templates import AWKWARD, FILES

__all__ = ["find_checkout", "write_skeleton"]

_REGISTRY = "src/gilscope/core/registry.py"
_AWKWARD = "tests/kernels/awkward.py"
# What a source checkout has and an installed package, or another project, has not.
_MARKS = ("setup.py", _REGISTRY, _AWKWARD, "ext/gilscope/include/buffers.pxd")
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_SEED = re.compile(r"^_NUMBER = (\d+)\b", re.MULTILINE)


def find_checkout(inside: Path) -> Path:
    """Return the source checkout a folder lies in.

    Raises
    ------
    UsageError
        If it lies in none.
    """
    for folder in (inside.resolve(), *inside.resolve().parents):
        if all((folder / mark).is_file() for mark in _MARKS):
            return folder
    raise UsageError(f"{str(inside)!r} lies in no source checkout of gilscope: clone it, and run this inside the clone")


def write_skeleton(root: Path, name: str) -> list[Path]:
    """Write all files of a new kernel and enter its word; return the paths, those of the files that grew last.

    Parameters
    ----------
    root : Path
        A source checkout.
    name : str
        Lower-case letters, digits and underscores; a letter first.

    Raises
    ------
    UsageError
        If it is no such name, or is taken. Nothing is written then.
    """
    _check_name(root, name)
    holes = {"NAME": name, "NUMBER": str(_free_number(root))}
    files = {root / _filled(path, holes): _filled(text, holes) for path, text in FILES.items()}
    taken = next((path for path in files if path.exists()), None)
    if taken is not None:
        raise UsageError(f"{taken.relative_to(root)} is there already: choose another name or move it away")
    files[root / _REGISTRY] = _grown(root / _REGISTRY, "KERNELS", f'    "{name}",\n')
    files[root / _AWKWARD] = _grown(root / _AWKWARD, "SIZES", _filled(AWKWARD, holes))
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return list(files)


def _filled(text: str, holes: dict[str, str]) -> str:
    return Template(text).substitute(holes)


def _check_name(root: Path, name: str) -> None:
    if not _NAME.fullmatch(name) or keyword.iskeyword(name):
        raise UsageError(f"{name!r} cannot name a kernel: lower-case letters, digits and _, like heat3d or two_body")
    source = (root / _REGISTRY).read_text(encoding="utf-8")
    words = {word for each in ("KERNELS", "PROBES") for word in ast.literal_eval(_assigned(source, each).value)}
    # A module of that name (digest.py) would hide the package, or be hidden by it.
    places = ("src/gilscope/kernels", "ext/gilscope/kernels")
    folders = [path.relative_to(root) for place in places for path in (root / place).glob(f"{name}*")]
    taken = [path for path in folders if path.name.partition(".")[0] == name]
    if name in words or taken:
        raise UsageError(f"there is a {name!r} already: choose another name, 'gilscope list' has those that are taken")


def _free_number(root: Path) -> int:
    """Return the first number above those of all kernels: it makes the streams of input numbers different."""
    specs = (root / "src/gilscope/kernels").glob("*/spec.py")
    used = [int(number) for spec in specs for number in _SEED.findall(spec.read_text(encoding="utf-8"))]
    kernels = ast.literal_eval(_assigned((root / _REGISTRY).read_text(encoding="utf-8"), "KERNELS").value)
    return max([len(kernels), *used]) + 1


def _grown(path: Path, variable: str, entry: str) -> str:
    """Return a module's text with a line put before the closing bracket of a tuple or dictionary."""
    source = path.read_text(encoding="utf-8")
    lines = source.splitlines(keepends=True)
    last = _assigned(source, variable).end_lineno
    assert last is not None  # what comes from a text has its place
    return "".join([*lines[: last - 1], entry, *lines[last - 1 :]])


def _assigned(source: str, variable: str) -> ast.Assign:
    """Return the statement that gives a variable its value.

    Raises
    ------
    UsageError
        If there is none.
    """
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == variable for t in node.targets):
            return node
    raise UsageError(f"this checkout has no {variable} where it is expected: use the gilscope that belongs to it")
