"""Functions of users, measured for real and shortly: what goes wrong is a line with a cure, and the rest goes on."""

from __future__ import annotations

import importlib
import mmap
import resource
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from gilscope import results
from gilscope.analysis import analyse
from gilscope.core.cases import Case
from gilscope.core.errors import UsageError
from gilscope.core.memory import can_keep
from gilscope.core.records import CaseRecord, ResultSet
from gilscope.core.spec import Availability, Impl
from gilscope.env.interpreter import gil_enabled
from gilscope.executors import interpreters
from gilscope.kernels.user import Request, adopt
from gilscope.measure.engine import measure
from gilscope.profile import functions
from gilscope.profile.functions import Functions, Options
from gilscope.profile.targets import own_functions

pytestmark = pytest.mark.slow

HERE = interpreters.availability(Impl(name="own", target="", gil="held"))
needs_interpreters = pytest.mark.skipif(not HERE.ok, reason=f"{HERE.reason}; {HERE.cure}")

SHORT: dict[str, Any] = {"workers": (2,), "budget_s": 0.01, "round_s": 0.01, "controls": ()}
"""One block of short rounds: enough to see what happens, not how long it takes."""

SOURCE = """
    import os, sys, threading, time

    def fine():
        return sum(range(2000))
    def raises():
        raise ValueError("bad luck")
    def leaves():
        sys.exit(3)
    def vanishes():
        os._exit(7)
    def for_ever():
        while True:
            pass
    def only_main():
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("only in the main thread")
    def lock():
        return threading.Lock()
    nameless = lambda: sum(range(2000))
    def prints():
        print("x" * 100_000)
        print("y" * 1_000, file=sys.stderr)
    def tires(calls=[0]):
        calls[0] += 1
        if calls[0] > 30:
            raise KeyError("worn out")
    def moves():
        os.chdir(os.sep)
        return sum(range(2000))
    def greedy():
        return bytearray(1 << 50)
    def large():
        return len(bytearray(1 << 32))
    def makes():
        return {"count": 3}
    def takes(item, count):
        return item * count
    def wrong(result):
        return result == 0
    THINGS = list(range(50))
    def multiplies():
        import numpy
        matrix = numpy.ones((256, 256))
        return float((matrix @ matrix)[0, 0])
    def gives_back():
        import numpy
        blocks = [numpy.full(1 << 20, 1.0) for _ in range(10)]  # 80 MB: more than malloc ever keeps by itself
        return float(blocks[-1][-1])
    def one_large_block():
        import numpy
        return float(numpy.full(12 << 20, 1.0)[-1])
    def touches(pages=500):
        import mmap
        with mmap.mmap(-1, pages * mmap.PAGESIZE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as memory:
            memory.madvise(mmap.MADV_NOHUGEPAGE)
            for page in range(pages):
                memory[page * mmap.PAGESIZE] = 1
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("users")
    (made / "things.py").write_text(textwrap.dedent(SOURCE))
    return made


def _measured(folder: Path, out: Path, *targets: str, timeout_s: float = 60.0, **request: Any) -> ResultSet:
    asked = Request(functions=own_functions(targets, folder), folder=str(folder), **request)
    options = Options(timeout_s=timeout_s, executors=("serial", "threads", "processes"), **SHORT)
    assert measure(Functions(asked, options), out / "result.jsonl")
    return results.load(out / "result.jsonl")


def test_a_function_whose_work_is_known_has_its_share_of_the_hardware(folder: Path, tmp_path: Path) -> None:
    result = _measured(folder, tmp_path / "known", "things.py:fine", flops=2000)
    assert [roof["workers"] for roof in result.environment["roofs"]] == [2]
    for row in analyse(result).rows:
        record = result.cases[row.case.id]
        assert record.work is not None
        assert record.work.flops == 2000 * record.work.units
        if row.case.workers == 2:
            assert row.hardware is not None, row.hardware_reason
            assert row.hardware.bound_by == "arithmetic"
            assert 0 < row.hardware.share.value < 1
    unknown = analyse(_measured(folder, tmp_path / "unknown", "things.py:fine"))
    assert {row.hardware for row in unknown.rows} == {None}


def _own(result: ResultSet) -> dict[str, CaseRecord]:
    return {record.case.executor: record for record in result.cases.values() if record.case.kernel.startswith("things")}


def test_a_function_is_measured_under_every_executor_beside_controls(folder: Path, tmp_path: Path) -> None:
    asked = Request(functions=own_functions(["things:fine"], folder), folder=str(folder))
    assert measure(Functions(asked, Options(workers=(2,), budget_s=0.01, round_s=0.01)), tmp_path / "result.jsonl")
    result = results.load(tmp_path / "result.jsonl")
    others = {"threads", "processes"} | ({"interpreters"} if HERE.ok and gil_enabled() else set())
    assert {name: record.status for name, record in _own(result).items()} == dict.fromkeys({"serial", *others}, "ok")
    assert {key.split(":")[0] for key in result.blocks[0].rounds} >= {"spin", "A/A", "things"}
    assert set(result.environment["hand_over_s"]) == others
    assert result.study["functions"] == ["things:fine"]


def test_libraries_with_threads_of_their_own_are_measured_alone_limited_and_nested(
    folder: Path, tmp_path: Path
) -> None:
    asked = Request(functions=own_functions(["things:multiplies"], folder), folder=str(folder))
    options = Options(executors=("serial", "threads", "native"), **SHORT)
    assert measure(Functions(asked, options), tmp_path / "result.jsonl")
    result = results.load(tmp_path / "result.jsonl")
    seen = result.environment["functions"]["multiplies"]
    if not seen["own_threads"]:
        pytest.skip(f"this NumPy multiplies on one thread: pools {seen['pools']}")
    measured = {(slot.partition("/")[2]).partition("#")[0] for slot in result.blocks[0].rounds}
    assert measured >= {
        "multiplies@serial",
        "multiplies@threads*2",
        "multiplies@native*2",
        "multiplies@serial.all",
        "multiplies@threads.all*2",
    }
    mine = [record for record in result.cases.values() if record.case.is_own and not record.case.memory]
    assert {(record.case.libraries, record.family) for record in mine} == {
        ("", "threads"),
        ("all", "nested"),
        ("native", "native*1"),
        ("native", "native*2"),
    }


def _faults_per_call(result: ResultSet) -> dict[str, float]:
    """Return the page faults of a call by how it ran, over all rounds."""
    found: dict[str, list[float]] = {}
    for block in result.blocks:
        for key, measured in block.rounds.items():
            if key.startswith("things") and "/fine@" not in key and measured.minor_faults is not None:
                case = Case.parse(key)
                found.setdefault(case.how, []).append(measured.minor_faults / measured.repeats / int(case.size))
    return {how: sum(values) / len(values) for how, values in found.items()}


@pytest.mark.skipif(not can_keep(), reason="only glibc's malloc can keep its memory by request")
def test_a_function_that_gives_memory_back_is_measured_keeping_it_too(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("numpy")
    asked = Request(functions=own_functions(["things:gives_back", "things:fine"], folder), folder=str(folder))
    assert measure(Functions(asked, Options(executors=("serial", "threads"), **SHORT)), tmp_path / "result.jsonl")
    result = results.load(tmp_path / "result.jsonl")
    mine = [record for record in result.cases.values() if record.case.is_own]
    families = {(record.case.implementation, record.case.how): record.family for record in mine}
    assert families == {
        ("gives_back", "serial"): "threads",
        ("gives_back", "threads"): "threads",
        ("gives_back", "serial.kept"): "threads.kept",
        ("gives_back", "threads.kept"): "threads.kept",
        ("fine", "serial"): "threads",
        ("fine", "threads"): "threads",
    }
    found = _faults_per_call(result)
    assert max(found["serial.kept"], found["threads.kept"]) < 0.2 * found["serial"]  # heaps of threads trim by luck
    assert result.environment["functions"]["gives_back"]["fault_share"] > 0.1
    (said,) = (one for one in analyse(result).verdicts[0].functions if one.function == "gives_back")
    assert [row.case.how for row in said.kept] == ["serial.kept", "threads.kept"]


@pytest.mark.skipif(not can_keep(), reason="only glibc's malloc can keep its memory by request")
def test_blocks_larger_than_a_threads_heap_are_kept_in_one_arena(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("numpy")
    asked = Request(functions=own_functions(["things:one_large_block"], folder), folder=str(folder))
    assert measure(Functions(asked, Options(executors=("serial", "threads"), **SHORT)), tmp_path / "result.jsonl")
    found = _faults_per_call(results.load(tmp_path / "result.jsonl"))
    assert found.keys() == {"serial", "threads", "serial.onearena", "threads.onearena"}
    assert found["threads.onearena"] < 0.2 * found["threads"]


def test_without_a_malloc_that_keeps_memory_the_rows_say_so(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(functions, "can_keep", lambda: False)
    monkeypatch.setattr(functions.Examined, "gives_back", True)
    result = _measured(folder, tmp_path, "things:fine")
    missing = [record for record in result.cases.values() if record.case.memory]
    assert [(record.case.how, record.status) for record in missing] == [("threads.kept", "unavailable")]
    assert "only glibc" in missing[0].reason


@pytest.mark.skipif(not hasattr(mmap, "MADV_NOHUGEPAGE"), reason="only Linux counts the page faults of a thread")
def test_page_faults_of_a_call_are_those_the_system_counts(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = _measured(folder, tmp_path, "things:touches")
    monkeypatch.syspath_prepend(str(folder))
    touches = importlib.import_module("things").touches
    before = resource.getrusage(resource.RUSAGE_THREAD).ru_minflt
    for _ in range(20):
        touches()
    counted = (resource.getrusage(resource.RUSAGE_THREAD).ru_minflt - before) / 20
    assert counted == pytest.approx(500, rel=0.05)
    seen = _faults_per_call(result) | {"examined": result.environment["functions"]["touches"]["faults"]}
    assert seen.keys() >= {"serial", "threads", "processes", "examined"}
    assert all(found == pytest.approx(counted, rel=0.05) for found in seen.values()), seen


def test_several_functions_share_blocks(folder: Path, tmp_path: Path) -> None:
    result = _measured(folder, tmp_path, "things:fine", "things.py:prints")
    names = {record.case.implementation for record in _own(result).values()}
    assert names <= {"fine", "prints"}
    assert len({block.kernel for block in result.blocks}) == 1
    cautions = " ".join(check["message"] for check in result.environment["checks"])
    assert "prints 100001 bytes per call" in cautions
    assert "writes 1001 bytes per call to standard error" in cautions


def test_items_and_setup_reach_every_worker(folder: Path, tmp_path: Path) -> None:
    result = _measured(folder, tmp_path, "things:takes", items="things:THINGS", setup="things:makes")
    assert {record.status for record in _own(result).values()} == {"ok"}
    assert {int(record.case.size) % 50 for record in _own(result).values()} == {0}


def test_a_wrong_result_is_never_timed(folder: Path, tmp_path: Path) -> None:
    result = _measured(folder, tmp_path, "things:fine", check="things:wrong")
    assert {record.status for record in _own(result).values()} == {"wrong_result"}
    assert "the check of things:fine returned False" in _own(result)["serial"].reason


@pytest.mark.parametrize(
    ("name", "cure"),
    [
        ("raises", "ValueError: bad luck; call it once yourself"),
        ("leaves", "return from the function instead of calling sys.exit"),
        ("vanishes", "ended with exit status 7; call it once yourself"),
        ("tires", "calling things:tires again and again: KeyError: 'worn out'; the first calls went well"),
        ("greedy", "needs more memory than there is"),
    ],
)
def test_a_function_that_never_works_is_one_failed_row(folder: Path, tmp_path: Path, name: str, cure: str) -> None:
    (record,) = _own(_measured(folder, tmp_path, f"things:{name}")).values()
    assert (record.status, record.case.implementation) == ("failed", name)
    assert cure in record.reason


def test_a_function_that_needs_an_argument_is_refused_and_nothing_written(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"^takes needs 'item', 'count': give it with --arg item="):
        _measured(folder, tmp_path, "things:takes")
    assert not list(tmp_path.iterdir())


def test_a_function_that_runs_for_ever_is_stopped(folder: Path, tmp_path: Path) -> None:
    (record,) = _own(_measured(folder, tmp_path, "things:for_ever", timeout_s=3.0)).values()
    assert record.status == "timeout"
    assert "--timeout" in record.cure


@pytest.mark.parametrize(
    ("name", "executor", "cure"),
    [
        ("only_main", "threads", "only in the main thread; it went well outside threads"),
        ("moves", "threads", "use absolute paths"),
        ("lock", "processes", "return plain data, or use threads"),
        ("nameless", "processes", "define it by def at the top of a module"),
    ],
)
def test_what_one_executor_cannot_do_leaves_the_others(
    folder: Path, tmp_path: Path, name: str, executor: str, cure: str
) -> None:
    records = _own(_measured(folder, tmp_path, f"things:{name}"))
    assert {other for other, record in records.items() if record.status == "ok"} == {
        "serial",
        "threads",
        "processes",
    } - {executor}
    assert cure in records[executor].reason
    assert f"things:{name}" in records[executor].reason
    if name == "only_main":  # the function's own traceback, from the worker it was raised in
        assert "in only_main" in records[executor].detail


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits what a process may allocate")
def test_a_memory_limit_turns_greed_into_a_memory_error(folder: Path, tmp_path: Path) -> None:
    asked = Request(functions=own_functions(["things:large"], folder), folder=str(folder))
    limited = Options(memory_limit_bytes=1 << 30, executors=("serial", "threads"), **SHORT)
    assert measure(Functions(asked, limited), tmp_path / "result.jsonl")
    result = results.load(tmp_path / "result.jsonl")
    own = _own(result)
    assert own
    assert all(record.status == "failed" and "MemoryError" in record.reason for record in own.values())
    assert result.study["memory_limit_bytes"] == 1 << 30


@needs_interpreters
def test_interpreters_run_what_they_can_import_and_say_what_not(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("numpy")
    asked = Request(functions=own_functions(["things:fine", "things:multiplies"], folder), folder=str(folder))
    assert measure(Functions(asked, Options(executors=("serial", "interpreters"), **SHORT)), tmp_path / "result.jsonl")
    result = results.load(tmp_path / "result.jsonl")
    records = {r.case.implementation: r for r in result.cases.values() if r.case.executor == "interpreters"}
    assert {name: record.status for name, record in records.items()} == {"fine": "ok", "multiplies": "unavailable"}
    assert records["multiplies"].reason.startswith("numpy cannot be imported in a sub-interpreter")
    assert "interpreters" in result.environment["hand_over_s"]


@pytest.mark.parametrize(
    ("has_them", "gil", "offered"), [(True, True, True), (False, True, False), (True, False, False)]
)
def test_interpreters_are_offered_where_there_are_some_and_a_gil_to_get_around(
    monkeypatch: pytest.MonkeyPatch, has_them: bool, gil: bool, offered: bool
) -> None:
    class Fake:
        gil_enabled = gil

        def executor(self, *_: object) -> Availability:
            return Availability(ok=has_them)

    monkeypatch.setattr(functions, "Local", Fake)
    spec = adopt(Request(functions=own_functions(["json:dumps"], Path.cwd()), folder=""))
    chosen = functions._by_default(spec, Options())
    assert ("interpreters" in chosen) == offered
    assert {"serial", "threads", "processes", "native"} <= set(chosen)


def test_unknown_words_are_refused() -> None:
    with pytest.raises(UsageError, match="unknown executor 'thread'"):
        Options(executors=("thread",))
    with pytest.raises(UsageError, match="unknown scaling"):
        Options(scaling="medium")
