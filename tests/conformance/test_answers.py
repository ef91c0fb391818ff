"""Every (kernel, implementation, executor) gives exactly the oracle's answer, whatever the number of workers."""

from __future__ import annotations

from itertools import product

import pytest

from gilscope import executors, kernels
from gilscope.measure.host import SupervisedHost
from gilscope.registry import EXECUTORS, KERNELS, PROBES, START_METHODS, TRANSPORTS
from gilscope.spec import Case, Slot

WORKERS = (1, 2, 3)  # three on two CPUs: over-subscribed, and chunks that do not divide evenly


def _cases() -> list[Case]:
    cases = []
    for name in (*KERNELS, *PROBES):
        spec = kernels.load(name)
        for impl, executor in product(spec.impls, EXECUTORS):
            if impl.unavailable or (impl.gil == "own_threads") != (executor == "native"):
                continue
            ways = product(START_METHODS, TRANSPORTS) if executor == "processes" else [("", "")]
            for (method, transport), workers in product(ways, WORKERS):
                if executor == "serial" and workers > 1:
                    continue
                cases.append(
                    Case(
                        kernel=name,
                        implementation=impl.name,
                        executor=executor,
                        workers=workers,
                        size="XS",
                        start_method=method,
                        transport=transport,
                    )
                )
    return cases


@pytest.mark.parametrize("case", _cases(), ids=lambda case: case.id)
def test_the_answer_is_exact(case: Case, host: SupervisedHost) -> None:
    spec = kernels.load(case.kernel)
    impl = spec.impl(case.implementation)
    assert impl is not None
    for found in (kernels.availability(spec, impl), executors.availability(case.executor, impl, case.start_method)):
        if not found.ok:
            pytest.skip(f"{found.reason}; {found.cure}")
    record = host.prepare(Slot(case=case))
    assert (record.status, record.reason, record.detail) == ("ok", "", "")
    assert record.work is not None
    assert record.work.units > 0


def test_every_executor_is_covered() -> None:
    assert {case.executor for case in _cases()} == set(EXECUTORS)
