"""Which files of gilscope a runner executes: its imports followed from its entry module, without importing anything.

Followed are import statements, those in functions too, and modules that strings name: targets of implementations, code
for other processes and interpreters, names for ``importlib``. An open part of an f-string is any word of the registry,
which lists kernels and executors. Not followed are docstrings, imports for type checkers, and the public names of the
package itself, which no runner looks up. Standard library only.
"""

import ast
import itertools
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache

ENTRY = "gilscope.runner.runner"  # what the supervisor starts in another interpreter; the rest is imported from it

_PACKAGE, _KERNELS, _REGISTRY = "gilscope", "gilscope.kernels", "gilscope.core.registry"
_OPEN = "*"  # in a name: a part known at run time only
_DOTTED = re.compile(rf"\b{_PACKAGE}(?:\.[\w*]+)+")
_OF_A_KERNEL = re.compile(r"(\.\w+):\w+")  # a target in the kernel's own folder, see ``kernels.target``
_NO_DATA = (".py", ".pyc", ".pyi", ".so", ".pyd")


@dataclass(frozen=True, slots=True)
class _Package:
    """The files of the package in folder ``root``, relative to it."""

    root: str
    modules: dict[str, str] = field(default_factory=dict)  # by dotted name
    data: dict[str, list[str]] = field(default_factory=dict)  # other files, by base name

    def read(self, module: str) -> bytes:
        with open(os.path.join(self.root, self.modules[module]), "rb") as file:
            return file.read()


def runner_files(package: str) -> tuple[str, ...]:
    """Return the files that runners of the package in a folder execute or read, whatever they measure.

    Relative to the folder, with slashes, sorted. Compiled modules are left out: they differ between interpreters. Takes
    100 ms for 100 modules, almost all of it parsing.
    """
    found = _files_of(package)
    known = _registry_names(found)
    todo, reached, named = [ENTRY], set[str](), set[str]()
    while todo:
        module = todo.pop()
        if module in reached or module not in found.modules:
            continue
        reached.add(module)
        names, texts = _references(found.read(module), module, found.modules[module].endswith("__init__.py"))
        named |= texts
        todo += itertools.chain.from_iterable(_resolved(name, found, known) for name in (*names, module))
    files = {found.modules[module] for module in reached}
    folders = {os.path.dirname(file) for file in files}
    read = (file for text in named & found.data.keys() for file in found.data[text])
    files |= {file for file in read if os.path.dirname(file) in folders}
    return tuple(sorted(file.replace(os.sep, "/") for file in files))


def _files_of(root: str) -> _Package:
    found = _Package(root)
    for folder, _, files in os.walk(root):
        for file in files:
            path = os.path.relpath(os.path.join(folder, file), root)
            if file.endswith(".py"):
                parts = path.removesuffix(".py").split(os.sep)
                name = ".".join([_PACKAGE, *(parts[:-1] if parts[-1] == "__init__" else parts)])
                found.modules[name] = path
            elif not file.endswith(_NO_DATA):
                found.data.setdefault(file, []).append(path)
    return found


def _registry_names(found: _Package) -> frozenset[str]:
    """Return the names in the tuples of the registry."""
    if _REGISTRY not in found.modules:
        return frozenset()
    tuples = (node for node in ast.walk(_parsed(found.read(_REGISTRY))) if isinstance(node, ast.Tuple))
    constants = (node.value for each in tuples for node in each.elts if isinstance(node, ast.Constant))
    return frozenset(value for value in constants if isinstance(value, str))


def _resolved(name: str, found: _Package, known: frozenset[str]) -> Iterator[str]:
    """Yield the modules a dotted name leads to, with their packages; its last part may be a name in a module."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        wanted = ".".join(parts[:length])
        if _OPEN not in wanted:
            yield wanted  # packages are imported before what is in them
        else:
            yield from (filled for each in known if (filled := wanted.replace(_OPEN, each)) in found.modules)


def _parsed(source: bytes) -> ast.Module:
    """Parse a module; one with a syntax error imports nothing, and is part of the digest all the same."""
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError):
        return ast.Module(body=[], type_ignores=[])


@cache  # the same text refers to the same modules wherever it is
def _references(source: bytes, module: str, is_package: bool) -> tuple[frozenset[str], frozenset[str]]:
    """Return the dotted names a module refers to, and its strings that may be names of files."""
    reader = _Reader(module, is_package=is_package)
    reader.visit(_parsed(source))
    return frozenset(reader.names), frozenset(reader.texts)


class _Reader(ast.NodeVisitor):
    """Collects the names that a module refers to."""

    def __init__(self, module: str, *, is_package: bool) -> None:
        parts = module.split(".")
        self._module, self._package = module, parts if is_package else parts[:-1]
        self.names: set[str] = set()
        self.texts: set[str] = set()

    def visit_Import(self, node: ast.Import) -> None:
        self.names |= {alias.name for alias in node.names if alias.name.split(".")[0] == _PACKAGE}

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        base = self._package[: len(self._package) - node.level + 1] if node.level else []
        origin = ".".join([*base, *(node.module.split(".") if node.module else [])])
        if origin.split(".")[0] == _PACKAGE:
            self.names |= {f"{origin}.{alias.name}" for alias in node.names}

    def visit_If(self, node: ast.If) -> None:
        only_for_types = ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")
        for statement in node.orelse if only_for_types else (node.test, *node.body, *node.orelse):
            self.visit(statement)

    def visit_Expr(self, node: ast.Expr) -> None:
        if not isinstance(node.value, ast.Constant):  # not a docstring
            self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, str):
            self._text(node.value)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        for parts in itertools.product(*map(self._alternatives, node.values)):
            self._text("".join(parts))
        for value in node.values:
            if isinstance(value, ast.FormattedValue):
                self.visit(value.value)

    def _alternatives(self, part: ast.expr) -> Sequence[str]:
        """Return the possible texts of a part of an f-string."""
        value = part.value if isinstance(part, ast.FormattedValue) else part
        if isinstance(value, ast.Name) and value.id == "__name__":
            return (self._module,)
        choices = (value.body, value.orelse) if isinstance(value, ast.IfExp) else (value,)
        return [str(one.value) if isinstance(one, ast.Constant) else _OPEN for one in choices]

    def _text(self, text: str) -> None:
        if self._module == _PACKAGE:
            return
        self.texts.add(text)
        self.names.update(_DOTTED.findall(text))
        if own := _OF_A_KERNEL.fullmatch(text):
            self.names.add(f"{_KERNELS}.{_OPEN}{own[1]}")
