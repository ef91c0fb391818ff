"""kernel x implementation x executor x workers through pytest-benchmark.

``pytest --benchmark-only``: the flagship kernels on one worker and on all; ``-m full``: everything else.
The times are those of one execution as the round itself measured it (its own clock and window), not of the call that
asked for it. ``extra_info`` has the round's nanoseconds and repeats, and speed-up and efficiency over the serial case.
"""

from __future__ import annotations

from dataclasses import asdict
from functools import cache
from statistics import median
from typing import Any

import pytest

from gilscope import env
from gilscope.core.cases import Case, Plan, Slot
from gilscope.core.records import CaseRecord
from gilscope.core.registry import FLAGSHIPS, IMPLEMENTATIONS, KERNELS
from gilscope.measure.calibrate import calibrate, lead_of, timeout_of
from gilscope.measure.host import SupervisedHost
from gilscope.plan import make_plan, make_study
from gilscope.report.labels import IMPLEMENTATION_NAMES

ROUNDS = 5  # a quick look; `gilscope run` buys as many blocks as the precision asks for


class RoundClock:
    """The timer pytest-benchmark reads: it stands still except for what rounds report."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


CLOCK = RoundClock()


@cache
def _plan() -> Plan:
    usable = env.usable_cpus().count
    return make_plan(make_study(kernels=KERNELS, implementations=IMPLEMENTATIONS, workers=(1, usable)))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give the test its cases: those of the flagships, and where ``-m`` chooses all, marked for it to choose by."""
    slots = [slot for group in _plan().groups for slot in group.slots if slot.role == "case"]
    flagships = [pytest.param(slot.case, id=slot.case.id) for slot in slots if slot.case.kernel in FLAGSHIPS]
    others = [
        pytest.param(slot.case, id=slot.case.id, marks=pytest.mark.full)
        for slot in slots
        if slot.case.kernel not in FLAGSHIPS
    ]
    metafunc.parametrize("case", flagships + others if metafunc.config.option.markexpr else flagships)


def in_words(case: Case) -> str:
    """Name a case as people do: ``crc32, Cython nogil, 2 threads``."""
    kind, *how = case.how.split(".")
    one = {"processes": "process", "native": "native thread"}.get(kind, kind.removesuffix("s"))
    several = {"native": "native threads", "dask": "Dask workers", "loky": "loky workers"}.get(kind, kind)
    by = "serial" if kind == "serial" else f"{case.workers} {one if case.workers == 1 else several}"
    return f"{case.kernel}, {IMPLEMENTATION_NAMES[case.implementation]}, {' '.join((by, *how))}"


class Session:
    """The cases of this session: each prepared and calibrated once."""

    def __init__(self, host: SupervisedHost) -> None:
        self._host = host
        self._records: dict[str, CaseRecord] = {}
        self._repeats: dict[str, int] = {}

    def prepare(self, case: Case) -> CaseRecord:
        if case.id not in self._records:
            record = self._records[case.id] = self._host.prepare(Slot(case=case))
            assert record.status == "ok", f"{record.status}: {record.reason}\n{record.detail}"
        return self._records[case.id]

    def repeats(self, case: Case) -> int:
        """Calibrate on T(1), as ``run`` does."""
        t1 = case.t1
        if t1.id not in self._repeats:
            self._repeats[t1.id], _ = calibrate(self._host, Slot(case=t1), self.prepare(t1).first_ns / 1e9)
        return self._repeats[t1.id]

    def run_round(self, case: Case) -> int:
        """Run a round and return its length in nanoseconds."""
        repeats = self.repeats(case)
        lead, timeout_s = lead_of(case, repeats), timeout_of(repeats * self.prepare(case).first_ns / 1e9)
        return self._host.run_round(Slot(case=case), repeats, lead, timeout_s).wall_ns


@pytest.fixture(scope="session")
def session(host: SupervisedHost) -> Session:
    return Session(host)


@pytest.mark.benchmark(timer=CLOCK)
def test_case(benchmark: Any, case: Case, session: Session) -> None:
    record, repeats = session.prepare(case), session.repeats(case)
    rounds_ns: list[int] = []
    serial_ns: list[int] = []

    def one_round() -> None:
        # The serial case in the same seconds, so that both have the same neighbours; only the case is timed.
        serial_ns.append(session.run_round(case.t1))
        rounds_ns.append(serial_ns[-1] if case == case.t1 else session.run_round(case))
        CLOCK.now_s += rounds_ns[-1] / repeats / 1e9

    # Sizes apart: py_loop runs a smaller problem, and pytest-benchmark compares times within a group.
    benchmark.group = f"{case.kernel}, size {case.size}"
    benchmark.name = in_words(case)
    benchmark.extra_info.update(asdict(case))
    benchmark.extra_info.update(
        case=case.id,
        repeats=repeats,
        work=asdict(record.work) if record.work else None,
        isa=record.isa,
        jit_cache=record.jit_cache,
        one_time_ns=dict(record.one_time_ns),
    )
    benchmark.pedantic(one_round, rounds=ROUNDS, iterations=1, warmup_rounds=0)
    speedup = median(serial / own for serial, own in zip(serial_ns, rounds_ns, strict=True))
    benchmark.extra_info.update(rounds_ns=rounds_ns, speedup=speedup, efficiency=speedup / case.workers)
