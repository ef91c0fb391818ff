"""Write the skeleton of a new kernel into a source checkout; everything is checked before the first file is written."""

import ast
import keyword
import re
from pathlib import Path
from string import Template

from gilscope.core.errors import UsageError
from gilscope.kernels._templates import AWKWARD, FILES

_REGISTRY = "src/gilscope/core/registry.py"
_AWKWARD = "tests/kernels/awkward.py"
# What only a source checkout of gilscope has.
_MARKS = ("setup.py", _REGISTRY, _AWKWARD, "ext/gilscope/include/buffers.pxd")
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_SEED = re.compile(r"^_NUMBER = (\d+)\b", re.MULTILINE)


def find_checkout(inside: Path) -> Path:
    """Return the source checkout that a folder is in, or raise UsageError."""
    for folder in (inside.resolve(), *inside.resolve().parents):
        if all((folder / mark).is_file() for mark in _MARKS):
            return folder
    raise UsageError(
        f"{str(inside)!r} is not in a source checkout of gilscope: clone it, and run this inside the clone"
    )


def write_skeleton(root: Path, name: str) -> list[Path]:
    """Write the files of a new kernel and register its name; return the paths, those of the files that grew last.

    Raises UsageError, and writes nothing, if ``name`` is taken or is not lower-case letters, digits and underscores.
    """
    source = (root / _REGISTRY).read_text(encoding="utf-8")
    kernels, probes = (ast.literal_eval(_assigned(source, each).value) for each in ("KERNELS", "PROBES"))
    _check_name(root, name, {*kernels, *probes})
    holes = {"NAME": name, "NUMBER": str(_free_number(root, len(kernels)))}
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


def _check_name(root: Path, name: str, registered: set[str]) -> None:
    if not _NAME.fullmatch(name) or keyword.iskeyword(name):
        raise UsageError(f"{name!r} cannot name a kernel: lower-case letters, digits and _, like heat3d or two_body")
    # A module of that name (digest.py) would hide the package, or be hidden by it.
    places = ("src/gilscope/kernels", "ext/gilscope/kernels")
    found = (path.name.partition(".")[0] for place in places for path in (root / place).glob(f"{name}*"))
    if name in registered or name in found:
        raise UsageError(f"there is a {name!r} already: choose another name, 'gilscope list' has those that are taken")


def _free_number(root: Path, kernels: int) -> int:
    """Return a number above those of all kernels, so that no two share a stream of input numbers."""
    specs = (root / "src/gilscope/kernels").glob("*/spec.py")
    used = [int(number) for spec in specs for number in _SEED.findall(spec.read_text(encoding="utf-8"))]
    return max([kernels, *used]) + 1


def _grown(path: Path, variable: str, entry: str) -> str:
    """Return a module's text with a line put before the closing bracket of a tuple or dictionary."""
    source = path.read_text(encoding="utf-8")
    lines = source.splitlines(keepends=True)
    last = _assigned(source, variable).end_lineno
    assert last is not None  # parsed nodes have a position
    return "".join([*lines[: last - 1], entry, *lines[last - 1 :]])


def _assigned(source: str, variable: str) -> ast.Assign:
    """Return the statement that gives a variable its value, or raise UsageError."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == variable for t in node.targets):
            return node
    raise UsageError(f"this checkout has no {variable} where it is expected: use the gilscope that belongs to it")
