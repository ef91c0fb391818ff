"""The public interface hammered from threads: without the GIL too, everybody gets the answer one thread would get."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

import gilscope
from gilscope import kernels
from gilscope.analysis import analyse
from gilscope.analysis.to_json import to_json
from gilscope.report.sentences import verdict
from gilscope.report.terminal import render
from gilscope.telemetry.free_threading import gil_state
from gilscope.telemetry.gil import probe_availability
from tests.kernels.harness import GRID, Workbench

T = TypeVar("T")

THREADS = 4
EXAMPLE = Path(__file__).parent.parent / "docs" / "examples" / "result.jsonl"
COMPILED = sorted({name for name, impl in GRID if impl.name == "cy_nogil"})


def hammered(work: Callable[[], T], *, times: int = 3) -> list[T]:
    """Return what ``work`` returned to each of several threads that all began at the same moment.

    Raises
    ------
    Exception
        The first that any of them raised.
    """
    start, found, errors = threading.Barrier(THREADS), [], []

    def run() -> None:
        start.wait()
        try:
            found.extend(work() for _ in range(times))
        except Exception as error:  # noqa: BLE001  (raised again below, in the thread of the test)
            errors.append(error)

    threads = [threading.Thread(target=run) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    assert len(found) == THREADS * times
    return found


def test_the_hammer_reports_what_a_thread_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        hammered(lambda: 1 // 0)


def test_free_threaded_builds_are_tested_without_the_gil() -> None:
    state = gil_state()
    if not state.free_threaded_build:
        pytest.skip("this interpreter always has a GIL: runs on free-threaded builds")
    assert not state.enabled, state.reason


def test_reading_and_analysing_a_result() -> None:
    def work() -> str:
        answer = analyse(gilscope.load(EXAMPLE))
        return json.dumps(to_json(answer, verdict)) + render(answer, width=120)

    assert set(hammered(work, times=1)) == {work()}


@pytest.mark.parametrize("name", COMPILED)
def test_a_compiled_kernel_on_buffers_of_each_threads_own(name: str) -> None:
    spec = kernels.load(name)
    chosen = [impl for _, impl in GRID if _ == name and impl.name in ("cy_gil", "cy_nogil", "py_loop")]
    chosen = [impl for impl in chosen if kernels.availability(spec, impl).ok]
    if not any(impl.name.startswith("cy_") for impl in chosen):
        pytest.skip(f"the compiled modules of {name} are not built for this interpreter")

    def work() -> set[str]:
        bench = Workbench(spec, "XS")
        return {bench.digest(bench.run(impl)) for impl in chosen}

    assert {frozenset(digests) for digests in hammered(work)} == {frozenset(work())}
    assert len(work()) == 1


FIRST_USE = """
import sys, threading
import gilscope
from gilscope.core import registry

start, seen = threading.Barrier(8), []

def run():
    start.wait()
    from gilscope import kernels
    specs = [kernels.load(name) for name in registry.KERNELS]
    seen.append(tuple(id(getattr(gilscope, name)) for name in gilscope.__all__) + tuple(spec.name for spec in specs))

threads = [threading.Thread(target=run) for _ in range(8)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
sys.exit(len(seen) != 8 or len(set(seen)) != 1)
"""


def test_first_use_from_many_threads_finds_the_same_things() -> None:
    done = subprocess.run([sys.executable, "-W", "error", "-c", FIRST_USE], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_monitors_that_overlap_in_threads() -> None:
    def work() -> tuple[bool, str]:
        with gilscope.GilMonitor(rate_hz=2000.0) as gil:
            sum(range(200_000))
            threading.Event().wait(0.1)
        if gil.available:
            assert gil.samples > 0
            assert 0.0 <= gil.held.low <= gil.held.value <= gil.held.high <= 1.0
        return gil.available, gil.reason

    found = probe_availability()
    assert set(hammered(work, times=2)) == {(found.ok, found.reason)}
