"""Making an environment for an interpreter: a virtual environment with this gilscope, NumPy and what else runners use.

gilscope is installed without its dependencies: most are for the command line, which stays in its own interpreter. Only
gilscope itself is ever compiled: where a library has no wheel for the interpreter, its implementations are n/a with the
reason.
"""

import contextlib
import datetime
import importlib.metadata
import json
import os
import re
import shutil
import tempfile
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gilscope
from gilscope.core.errors import UnavailableError, UsageError
from gilscope.env import environments
from gilscope.env.child import PLAIN, run
from gilscope.env.environments import RECORD_NAME, Environment, EnvironmentRecord, python_in
from gilscope.env.interpreter import interpreter_label, without_home
from gilscope.env.interpreters import OLDEST, ask, at_path, program_of
from gilscope.env.libraries import version_of

NEEDED = ("numpy", "threadpoolctl")  # for the NumPy implementations and the examination of functions
EXTRAS = ("numba", "interpreters", "dask", "loky")  # whose packages runners use; installed if this interpreter has them
_TREE = ("pyproject.toml", "setup.py", "README.md", "LICENSE", "src", "ext")  # what a build needs of a checkout
_LEFT_OUT = ("*.so", "*.pyd", "__pycache__", "*.egg-info", "*.nbi", "*.nbc")
_HEAD = {"schema": "gilscope.environment", "schema_version": 1}
_OWN = {**PLAIN, "PYTHONPATH": None, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}  # variables of what is run there
_TIMEOUT_S = 1800.0  # a cold build of all extensions on a slow machine takes ten minutes
_REQUIREMENT = re.compile(
    r"(?P<name>[A-Za-z0-9._-]+)(?P<versions>[^;]*);.*\bextra\s*==\s*['\"](?P<extra>[\w-]+)['\"].*"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageSource:
    """Where gilscope is installed from: arguments for ``pip install``, or a checkout, of which a copy is built."""

    arguments: tuple[str, ...] = ()
    tree: Path | None = None

    def __str__(self) -> str:
        return without_home(str(self.tree)) if self.tree else " ".join(map(without_home, self.arguments))


def find_source(given: str | None) -> PackageSource:
    """Return where to install gilscope from: a checkout, wheel, sdist or folder of wheels; by default, as this one."""
    if given is None:
        return _own_source()
    path = Path(given).expanduser().absolute()
    if _is_checkout(path):
        return PackageSource(tree=path)
    if path.is_file() and path.name.startswith("gilscope-") and path.name.endswith((".whl", ".tar.gz")):
        return PackageSource(arguments=(str(path),))
    found = _wheels_in(path)
    if found is None:
        raise UsageError(f"no gilscope at {given!r}: name a checkout, a wheel, or a folder of wheels")
    return found


def _is_checkout(path: Path) -> bool:
    return (path / "pyproject.toml").is_file() and (path / "src" / "gilscope").is_dir()


def _wheels_in(path: Path) -> PackageSource | None:
    if path.is_dir() and any(path.glob("gilscope-*.whl")):
        return PackageSource(arguments=("--no-index", "--find-links", str(path), "gilscope"))
    return None


def _own_source() -> PackageSource:
    """Return the checkout or archive this gilscope was installed from (PEP 610), else its version from the index."""
    tree = Path(gilscope.__file__).parents[2]
    if _is_checkout(tree):
        return PackageSource(tree=tree)
    try:
        text = importlib.metadata.distribution("gilscope").read_text("direct_url.json")
    except importlib.metadata.PackageNotFoundError:
        text = None
    url = json.loads(text).get("url", "") if text else ""
    if url.startswith("file:"):
        path = Path(urllib.request.url2pathname(urllib.parse.urlsplit(url).path))
        if _is_checkout(path):
            return PackageSource(tree=path)
        # A wheel is for one kind of interpreter: those beside it are for the others.
        if found := _wheels_in(path.parent):
            return found
    return PackageSource(arguments=(f"gilscope=={gilscope.__version__}",))


def add(word: str, source: PackageSource, *, say: Callable[[str], None] = lambda text: None) -> Environment:
    """Make the environment of an interpreter, anew if there is one.

    ``word`` is a version (``3.13t``), a command or a path; the name of an environment means its interpreter. ``say`` is
    called with each step. Raises UsageError if there is no such interpreter or it cannot run gilscope, and
    UnavailableError if gilscope cannot be installed.
    """
    base = find_base(word)
    about = ask(base, ())
    if about["implementation"] != "CPython" or tuple(about["version_info"]) < OLDEST:
        raise UsageError(
            f"{without_home(base)} is {about['implementation']} {about['version']}: "
            "gilscope needs CPython 3.11 or newer"
        )
    name = interpreter_label(tuple(about["version_info"][:2]), free_threaded=about["free_threaded"], gil=False)
    folder = environments.folder()
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise UsageError(
            f"cannot make {folder}: {error.strerror}; set {environments.FOLDER_VARIABLE} to another"
        ) from None
    with _locked(folder, name):
        return _build(_Builder(name, folder / name, base, environments.log_of(name), say), about, source)


def find_base(word: str) -> str:
    """Return the interpreter an environment is made from, or raise UsageError without one."""
    known = environments.named(word)
    if known is not None and known.record.base is not None:
        return at_path(Path(os.path.expanduser(known.record.base)))
    path = program_of(word)
    if path is None:
        raise UsageError(
            f"no interpreter {word!r}: there is no such command; install it (e.g. uv python install {word}), or name "
            "it by its path"
        )
    return path


@contextlib.contextmanager
def _locked(folder: Path, name: str) -> Iterator[None]:
    """Hold the lock of an environment, or raise UsageError; the system releases it however this process ends."""
    try:
        import fcntl
    except ImportError:  # no such locks here
        yield
        return
    with open(folder / f".{name}.lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UsageError(f"another gilscope is making the environment {name}: wait for it") from None
        yield


@dataclass(frozen=True, slots=True)
class _Builder:
    """An environment while it is made."""

    name: str
    path: Path
    base: str
    log: Path
    say: Callable[[str], None]

    def run(self, *command: str, cwd: Path | None = None) -> str:
        """Run a command with its output in the log; return an empty text or what went wrong."""
        with open(self.log, "a+b") as log:
            begin = log.seek(0, os.SEEK_END)
            try:
                status = run(command, log, timeout_s=_TIMEOUT_S, environment=_OWN, cwd=cwd)
            except OSError as error:
                return str(error)
            if status is None:
                return f"it was not done after {_TIMEOUT_S:g} s"
            log.seek(begin)
            return _complaint(log.read().decode(errors="replace")) if status else ""

    def pip(self, *arguments: str) -> str:
        """Install with the pip of the environment."""
        return self.run(str(python_in(self.path)), "-m", "pip", "install", "--quiet", *arguments)


def _complaint(output: str) -> str:
    """Return the line of a log that best says what went wrong."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    for word in ("error:", "ERROR:", "Error"):
        if matching := [line for line in lines if word in line]:
            return matching[-1].removeprefix("ERROR:").strip()[:300]
    return lines[-1][:300] if lines else "it said nothing"


def _build(builder: _Builder, about: Mapping[str, Any], source: PackageSource) -> Environment:
    name, base = builder.name, without_home(builder.base)
    shutil.rmtree(builder.path, ignore_errors=True)
    builder.log.unlink(missing_ok=True)
    builder.say(f"{name}: a virtual environment of {base} in {without_home(str(builder.path))}")
    problem = builder.run(builder.base, "-m", "venv", str(builder.path))
    if problem:
        raise UnavailableError(
            f"{builder.base} cannot make a virtual environment: {problem}", "install the venv module of this Python"
        )
    builder.say(f"{name}: gilscope from {source}" + (", which is compiled: about a minute" if source.tree else ""))
    _write(builder, EnvironmentRecord(base=base))  # an interrupted one can be found again
    problem = _install_gilscope(builder, source)
    if problem:
        log = without_home(str(builder.log))
        raise UnavailableError(f"gilscope from {source} cannot be installed for {name}: {problem}", f"see {log}")
    missing: dict[str, str] = {}
    for packages in (*((name,) for name in NEEDED), *_optional_packages(about)):
        builder.say(f"{name}: {', '.join(packages)}")
        problem = builder.pip("--only-binary", ":all:", *packages)
        if problem:
            missing |= {re.split(r"[^\w.-]", package)[0]: problem for package in packages}
    return _finished(builder, source, missing)


def _install_gilscope(builder: _Builder, source: PackageSource) -> str:
    if source.tree is None:
        return builder.pip("--no-deps", *source.arguments)
    with tempfile.TemporaryDirectory(prefix="gilscope-") as folder:
        copy = Path(folder, "gilscope")
        copy.mkdir()
        for name in _TREE:
            origin = source.tree / name
            if origin.is_dir():
                shutil.copytree(origin, copy / name, ignore=shutil.ignore_patterns(*_LEFT_OUT))
            elif origin.is_file():
                shutil.copy2(origin, copy / name)
        return builder.pip("--no-deps", str(copy))


def _optional_packages(about: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """Yield the packages of each extra that this interpreter has; the backport of sub-interpreters for 3.13 only."""
    extras: dict[str, dict[str, str]] = {}
    for requirement in importlib.metadata.requires("gilscope") or () if version_of("gilscope") else ():
        match = _REQUIREMENT.fullmatch(requirement)
        if match and match["extra"] in EXTRAS:
            extras.setdefault(match["extra"], {})[match["name"]] = match["name"] + match["versions"].strip()
    for extra, packages in extras.items():
        wanted = (
            tuple(about["version_info"][:2]) == (3, 13) if extra == "interpreters" else all(map(version_of, packages))
        )
        if wanted:
            yield tuple(packages.values())


def _finished(builder: _Builder, source: PackageSource, missing: Mapping[str, str]) -> Environment:
    """Check that the environment replies as it should, and write how it was made, which completes it."""
    about = ask(str(python_in(builder.path)), ())
    if about["gilscope"] != gilscope.__version__:
        raise UnavailableError(
            f"{source} has gilscope {about['gilscope']}, this is {gilscope.__version__}",
            "install from where this one comes from: leave out --from",
        )
    record = EnvironmentRecord(
        base=without_home(builder.base),
        python=about["version"],
        free_threaded=about["free_threaded"],
        gilscope=about["gilscope"],
        source=about.get("source", ""),
        installed_from=str(source),
        libraries={name: version for name, version in about["libraries"].items() if version},
        missing=dict(missing),
        made_utc=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    )
    _write(builder, record)
    return Environment(name=builder.name, path=builder.path, record=record)


def _write(builder: _Builder, record: EnvironmentRecord) -> None:
    text = json.dumps({**_HEAD, "name": builder.name, **record.to_json()}, indent=2)
    (builder.path / RECORD_NAME).write_text(text + "\n", encoding="utf-8")
