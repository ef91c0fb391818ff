"""Every (kernel, implementation, executor) gives exactly the oracle's answer, whatever the number of workers."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from itertools import product

import pytest

from gilscope import executors, kernels
from gilscope.core.cases import Case, Slot
from gilscope.core.registry import EXECUTORS, KERNELS, PROBES, START_METHODS, TRANSPORTS
from gilscope.core.spec import Impl
from gilscope.measure.host import SupervisedHost

WORKERS = (1, 2, 3)  # three on two CPUs: over-subscribed, and chunks that do not divide evenly
BY_TASKS_KERNELS = ("mandelbrot", "nbody", "triad", "crc32", "montecarlo_pi")  # each with buffers of another kind
BY_TASKS_IMPLEMENTATIONS = ("py_loop", "cy_nogil")
ANY = Impl(name="any", target="", gil="released")


def _here() -> tuple[str, ...]:
    """Executors that this interpreter has; the others are skipped as a whole, with the reason."""
    return tuple(name for name in EXECUTORS if name == "native" or executors.availability(name, ANY).ok)


def _cases(names: tuple[str, ...]) -> Iterator[Case]:
    for kernel, executor in product((*KERNELS, *PROBES), names):
        for impl in kernels.load(kernel).impls:
            if impl.unavailable or (impl.gil == "own_threads") != (executor == "native"):
                continue
            ways = product(START_METHODS, TRANSPORTS) if executor == "processes" else [("", "")]
            for (method, transport), workers in product(ways, WORKERS):
                case = Case(
                    kernel=kernel,
                    implementation=impl.name,
                    executor=executor,
                    workers=workers,
                    size="XS",
                    start_method=method,
                    transport=transport,
                )
                if _wanted(case):
                    yield case


def _wanted(case: Case) -> bool:
    """Leave out what another case covers: where executors hand out tasks, kernels differ in their buffers only."""
    if case.by_tasks:
        few = case.kernel in BY_TASKS_KERNELS and case.implementation in BY_TASKS_IMPLEMENTATIONS
        return few and case.workers == 2
    return case.executor != "serial" or case.workers == 1


def _ways() -> Iterator[Case]:
    """Cases whose workers each do the whole work, or take chunks from a shared counter."""
    for kernel, executor in product(("mandelbrot", "nbody", "montecarlo_pi"), _here()):
        if executor in ("serial", "native"):
            continue
        usual = next(case for case in _cases((executor,)) if case.kernel == kernel and case.workers > 1)
        yield replace(usual, scaling="weak")
        if not usual.by_tasks:
            yield replace(usual, schedule="dynamic", workers=3)
        if usual.transport:
            yield replace(usual, scaling="weak", transport="pickle")


@cache
def _fork_refused() -> str:
    """Why no process forks here: qemu keeps a thread of its own in each one, so that none has a single thread."""
    code = "import os; print(len(os.listdir('/proc/self/task')) if os.path.isdir('/proc/self/task') else 1)"
    threads = int(subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, check=True).stdout)
    return f"a process with {threads} threads does not fork, and here every one has as many" if threads > 1 else ""


@pytest.mark.parametrize("case", [*_cases(_here()), *_ways()], ids=lambda case: case.id)
def test_the_answer_is_exact(case: Case, host: SupervisedHost) -> None:
    spec = kernels.load(case.kernel)
    impl = spec.impl(case.implementation)
    assert impl is not None
    for found in (kernels.availability(spec, impl), executors.availability(case.executor, impl, case.start_method)):
        if not found.ok:
            pytest.skip(f"{found.reason}; {found.cure}")
    if case.start_method == "fork" and (refused := _fork_refused()):
        pytest.skip(refused)
    record = host.prepare(Slot(case=case))
    assert (record.status, record.reason, record.detail) == ("ok", "", "")
    assert record.work is not None
    assert record.work.units > 0


@pytest.mark.parametrize("name", EXECUTORS)
def test_every_executor_is_covered_or_says_why_it_cannot_be(name: str) -> None:
    if name not in _here():
        found = executors.availability(name, ANY)
        assert found.reason
        assert found.cure
        pytest.skip(f"{found.reason}; {found.cure}")
    assert name in {case.executor for case in _cases((name,))}
