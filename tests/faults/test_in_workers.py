"""Every fault x every executor x every moment: it becomes a status with a reason, the rest goes on, nothing is left.

``make test-faults`` (GILSCOPE_FAULTS=all) runs all combinations; the suite runs each fault and each executor once.
"""

from __future__ import annotations

import itertools
import threading
import time

import pytest

from gilscope.core.cases import Slot
from gilscope.core.errors import MeasurementError
from gilscope.measure.host import Lead, SupervisedHost
from tests import planted
from tests.faults.conftest import ALL, Injector
from tests.faults.ways import FAMILIES, HARMLESS, HUNG, Way, sentence, ways

TIMEOUT_S = 3.0  # of the calls that commit a fault
PATIENCE_S = 120.0  # for all others, on a loaded machine
GRACE_S = 5.0  # beyond its time-out: to kill, reap and report
REPEATS = 100  # 8 ms of planted work each
FOR_EVER = 10_000  # for rounds that a fault ends, so that they are hit in the middle even on a loaded machine
RESULTS = ("unpicklable", "poison")  # kinds that are partial results, of which there are none in native threads
MOMENTS = ("verify", "round", "diagnose")


def combinations() -> list[tuple[str, Way, str]]:
    """All of them, or a third of the faults, each another way; tests/supervisor/test_supervisor.py has the usual ones."""
    every = [
        (kind, way, moment)
        for kind in planted.FAULTS
        for way in ways()
        for moment in MOMENTS
        if moment != "diagnose" or way.monitored
        if way.executor != "native" or kind not in RESULTS
    ]
    if ALL:
        return every
    usual = [entry for entry in every if entry[0] not in HUNG and entry[1].executor != "dask"]
    ways_in_turn = itertools.cycle(dict.fromkeys(str(entry[1]) for entry in usual))
    chosen = []
    for kind in [*dict.fromkeys(entry[0] for entry in usual)][::3]:
        way = next(ways_in_turn)
        chosen.append(next(entry for entry in usual if entry[0] == kind and str(entry[1]) == way))
    return [*chosen, next(entry for entry in every if entry[0] == "loop_in_c")]


def commit(host: SupervisedHost, injector: Injector, slot: Slot, kind: str, moment: str) -> tuple[str, float]:
    """Let a slot commit a fault; return why it failed, or nothing, and the seconds until that was known."""
    record = host.prepare(slot)  # runner and workers are there from now on
    assert (record.status, record.reason) == ("ok", "")
    begin = time.monotonic()
    if moment == "verify":
        injector.arm(kind)
        host._prepare_timeout_s = TIMEOUT_S if kind in HUNG else PATIENCE_S
        reason = host.prepare(slot).reason
        host._prepare_timeout_s = PATIENCE_S
        return reason, time.monotonic() - begin
    later = threading.Timer(0.1, injector.arm, [kind])
    later.start()
    run = host.run_round if moment == "round" else host.diagnose
    repeats, timeout_s = REPEATS if kind in HARMLESS else FOR_EVER, TIMEOUT_S if kind in HUNG else PATIENCE_S
    try:
        run(slot, repeats, Lead(repeats=0), timeout_s)
        later.join()
        if not injector.committed(kind):  # the round was over before
            run(slot, repeats, Lead(repeats=0), timeout_s)
    except MeasurementError as error:
        return str(error), time.monotonic() - begin
    finally:
        later.join()
    return "", time.monotonic() - begin


@pytest.mark.parametrize(
    ("kind", "way", "moment"), combinations(), ids=lambda value: value if isinstance(value, str) else str(value)
)
def test_a_fault_is_told_and_the_rest_goes_on(injector: Injector, kind: str, way: Way, moment: str) -> None:
    with SupervisedHost(FAMILIES, cpus=2, prepare_timeout_s=PATIENCE_S) as host:
        reason, spent_s = commit(host, injector, way.slot("planted_fault"), kind, moment)
        assert injector.committed(kind)
        if kind in HARMLESS:
            assert reason == ""
        else:
            assert reason, f"{kind} went unnoticed"
            assert sentence(kind) in reason
            assert "\n" not in reason
        if kind in HUNG:
            assert spent_s < TIMEOUT_S + GRACE_S
        injector.disarm()
        after = host.prepare(way.slot("planted_fault"))
        assert (after.status, after.reason) == ("ok", "")
        measured = host.run_round(way.slot("planted_fault"), 2, Lead(repeats=0), 60)
        assert measured.wall_ns > 0
