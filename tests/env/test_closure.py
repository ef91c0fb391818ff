"""The files a digest covers are those that runners really execute, and changing any other changes nothing."""

from __future__ import annotations

import os
import shutil
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import gilscope
from gilscope import executors, kernels
from gilscope.core.cases import Case, Slot
from gilscope.core.registry import EXECUTORS, KERNELS, PROBES, REFERENCES, START_METHODS
from gilscope.env import _about
from gilscope.env.closure import runner_files
from gilscope.kernels import user as own
from gilscope.measure.calibrate import lead_of
from gilscope.measure.host import SupervisedHost

PACKAGE = Path(gilscope.__file__).parent
FILES = frozenset(runner_files(str(PACKAGE)))
MODULES = sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py"))
PARENT_ONLY = ("analysis/", "api.py", "cli/", "plan.py", "pipeline.py", "report/", "results/", "studies/", "testing/")

WATCH = """\
    import os, sys

    def watch(event, values):
        if event == "exec":
            path = getattr(values[0], "co_filename", "")
        elif event == "open":
            path = values[0] if str(values[0]).endswith(".json") else ""
        else:
            return
        if isinstance(path, str) and path.startswith({package!r}):
            log = os.open({log!r}, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
            os.write(log, path[len({package!r}) + 1:].encode() + b"\\n")
            os.close(log)

    if "GILSCOPE_RUNNER" in os.environ:  # neither the supervisor nor this process
        sys.addaudithook(watch)
"""


def digest(package: Path) -> str:
    """Return the digest of a package as ``gilscope`` makes it of its own."""
    return _about.source_digest(str(package), runner_files(str(package)))


# What really runs -----------------------------------------------------------------------------------------------------


def case(kernel: str, implementation: str, executor: str, start_method: str = "") -> Case:
    workers = 1 if executor == "serial" else 2
    return Case(
        kernel=kernel,
        implementation=implementation,
        executor=executor,  # type: ignore[arg-type]
        start_method=start_method,
        workers=workers,
        size="XS",
    )


def usable_cases() -> Iterator[Case]:
    """Yield a case of every implementation that needs no compiling at run time, and of every executor there is here."""
    for spec in map(kernels.load, (*KERNELS, *PROBES)):
        for impl in spec.impls:
            if kernels.availability(spec, impl).ok and ("numba" not in impl.needs or spec.name == "primes"):
                yield case(spec.name, impl.name, "native" if impl.gil == "own_threads" else "serial")
    impl = kernels.load("primes").impl("py_loop")
    assert impl is not None
    for name in (*EXECUTORS, *REFERENCES):
        for start_method in START_METHODS if name == "processes" else ("",):
            if name not in ("serial", "native") and executors.availability(name, impl, start_method).ok:
                yield case("primes", "py_loop", name, start_method)
    yield case("primes", "py_loop", "futures:concurrent.futures:ThreadPoolExecutor")


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> frozenset[str]:
    """The files of gilscope that runners and what they start executed, in rounds of everything there is here."""
    folder = tmp_path_factory.mktemp("watched")
    log = folder / "log"
    text = textwrap.dedent(WATCH).format(package=str(PACKAGE), log=str(log))
    (folder / "sitecustomize.py").write_text(text)
    sqrt = own.Function(name="sqrt", target="math:sqrt")
    request = own.Request(functions=(sqrt,), folder=str(folder), arguments="((2.0,), {})")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)
        with SupervisedHost({"threads": 2, "processes": 2}, cpus=2) as host:
            for each in usable_cases():
                record = host.prepare(Slot(case=each))
                assert record.status == "ok", f"{each.id}: {record.reason}\n{record.detail}"
                host.run_round(Slot(case=each), 1, lead_of(each, 1), 60.0)
            threaded = case("primes", "py_loop", "threads")
            host.diagnose(Slot(case=threaded), 1, lead_of(threaded, 1), 60.0)
        own.adopt(request)
        with SupervisedHost({}, cpus=1, own=request) as host:
            mine = Case(kernel=request.kernel, implementation="sqrt", executor="serial", workers=1, size="1")
            assert host.examine(mine).problem == ""
    return frozenset(log.read_text().split())


@pytest.mark.slow
def test_every_file_that_a_runner_executes_is_covered(executed: frozenset[str]) -> None:
    assert {"core/cases.py", "runner/runner.py", "executors/_worker.py", "kernels/primes/_py.py"} <= executed
    assert executed - FILES == set()


def elsewhere() -> Iterator[str]:
    """Yield what runners execute where more, or less, is installed than here."""
    for spec in map(kernels.load, (*KERNELS, *PROBES)):
        for impl in spec.impls:
            module = kernels.target(spec.name, impl).partition(":")[0]
            yield module.removeprefix("gilscope.").replace(".", "/") + ".py"
    impl = kernels.load("primes").impl("py_loop")
    assert impl is not None
    for name in (*EXECUTORS, *REFERENCES):
        if name != "native" and not executors.availability(name, impl, "spawn" if name == "processes" else "").ok:
            yield from (
                path.relative_to(PACKAGE).as_posix()
                for path in PACKAGE.glob(f"executors/*{name.removesuffix('s')}*.py")
            )
    for module in MODULES:  # in Python, for where its compiled twin is not built
        if any(PACKAGE.glob(f"{module.removesuffix('.py')}.*.so")):
            yield module


@pytest.mark.slow
def test_no_file_is_covered_that_runners_do_not_execute(executed: frozenset[str]) -> None:
    assert FILES - executed - set(elsewhere()) == set()


def test_what_only_the_measuring_program_runs_is_not_covered() -> None:
    assert [file for file in FILES if file.startswith(PARENT_ONLY)] == []
    assert not {"profile/functions.py", "measure/host.py", "supervisor/supervisor.py", "env/interpreters.py"} & FILES


def test_every_kernel_is_covered_with_what_its_answers_are_compared_with() -> None:
    assert {f"kernels/{name}/spec.py" for name in (*KERNELS, *PROBES)} <= FILES
    assert {f"kernels/{name}/digests.json" for name in KERNELS} <= FILES


# What changes the digest ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package's sources, as a wheel without its extensions would install them."""
    place = tmp_path_factory.mktemp("copied") / "gilscope"
    shutil.copytree(PACKAGE, place, ignore=shutil.ignore_patterns("*.so", "*.pyd", "__pycache__"))
    return place


def test_a_changed_line_changes_the_digest_where_runners_execute_it_and_nowhere_else(copy: Path) -> None:
    same, wrong = digest(copy), []
    for name in MODULES:
        path = copy / name
        before = path.read_bytes()
        path.write_bytes(before + b"_CHANGED = True\n")
        if (digest(copy) != same) != (name in FILES):
            wrong.append(name)
        path.write_bytes(before)
    assert wrong == []
    assert digest(copy) == same == digest(PACKAGE)


def test_case_is_covered_wherever_it_is_defined(copy: Path) -> None:
    same, path = digest(copy), copy / "core" / "cases.py"
    before = path.read_bytes()
    path.write_bytes(before.replace(b"def chunks(", b"def chunks_(", 1))
    assert digest(copy) != same
    path.write_bytes(before)


def test_a_digest_is_the_same_with_the_line_ends_of_windows_and_another_without_a_file(copy: Path) -> None:
    same, path = digest(copy), copy / "core" / "clocks.py"
    files, before = runner_files(str(copy)), path.read_bytes()
    path.write_bytes(before.replace(b"\n", b"\r\n"))
    assert digest(copy) == same
    path.unlink()
    assert _about.source_digest(str(copy), files) not in (same, digest(copy))
    path.write_bytes(before)


# What is followed -----------------------------------------------------------------------------------------------------


@pytest.fixture
def package(tmp_path: Path) -> Callable[..., set[str]]:
    """Make a package of some files and return what is covered beside the runner, its packages and the registry."""

    def make(**texts: str) -> set[str]:
        files = {
            "__init__": "",
            "runner.__init__": "",
            "core.__init__": "",
            "core.registry": "WORDS = ('one', 'two')\n",
        } | {name.replace("__in__", "."): text for name, text in texts.items()}
        files["runner.runner"] = files.pop("runner")
        for name, text in files.items():
            path = tmp_path / f"{name.replace('.', '/')}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        found = set(runner_files(str(tmp_path)))
        return found - {"__init__.py", "runner/__init__.py", "runner/runner.py"}

    return make


@pytest.mark.parametrize(
    "line",
    [
        "import gilscope.there",
        "from gilscope import there",
        "from gilscope.there import name",
        "from .. import there",
        "from ..there import name",
        "def late():\n    from gilscope import there",
        "try:\n    import gilscope.there\nexcept ImportError:\n    pass",
        "find('gilscope.there')",
        "TARGET = 'gilscope.there:function#text'",
        "CODE = 'import sys; from gilscope.there import main; main()'",
        "CODE = f'from gilscope.there import main; main({number})'",
        "if TYPE_CHECKING:\n    pass\nelse:\n    import gilscope.there",
    ],
)
def test_an_import_is_followed(package: Callable[..., set[str]], line: str) -> None:
    assert package(runner=line, there="", elsewhere="") == {"there.py"}


@pytest.mark.parametrize(
    "line",
    [
        "'''As gilscope.there does.'''",
        "if TYPE_CHECKING:\n    from gilscope import there",
        "import typing\nif typing.TYPE_CHECKING:\n    from gilscope import there",
        "# from gilscope import there",
        "import there",
        "this is no Python",
    ],
)
def test_what_is_not_executed_is_not_followed(package: Callable[..., set[str]], line: str) -> None:
    assert package(runner=line, there="") == set()


def test_public_names_of_the_package_are_not_followed(package: Callable[..., set[str]]) -> None:
    lazy = "HOMES = {'name': 'gilscope.there'}\n"
    assert package(runner="import gilscope", there="", __init__=lazy) == set()


def test_an_open_part_of_a_name_is_any_word_of_the_registry(package: Callable[..., set[str]]) -> None:
    line = "load(f\"gilscope.a.{'_' if hidden else ''}{name}\")"
    names = ("one", "_two", "three", "_three")
    made = {f"a__in__{name}": "" for name in ("__init__", *names)}
    assert package(runner=line, **made) == {"a/__init__.py", "a/one.py", "a/_two.py"}


def test_a_relative_target_is_in_the_folder_of_a_kernel(package: Callable[..., set[str]]) -> None:
    made = {f"kernels__in__{name}": "" for name in ("__init__", "one.__init__", "one._py", "one._other")}
    expected = {"kernels/__init__.py", "kernels/one/__init__.py", "kernels/one/_py.py"}
    assert package(runner="TARGET = '._py:function'", **made) == expected
