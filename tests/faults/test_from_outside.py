"""What others do to our processes: kill or stop a worker, a runner, a helper of multiprocessing, the supervisor."""

from __future__ import annotations

import contextlib
import signal
import threading

import psutil
import pytest

from gilscope.core.cases import Case, Slot
from gilscope.core.errors import MeasurementError
from gilscope.core.registry import START_METHODS
from gilscope.measure.host import Lead, SupervisedHost
from tests.faults.conftest import ALL, Injector, eventually

TIMEOUT_S = 4.0
LONG = 10_000  # repeats: minutes, so that a round never ends by itself before it is hit


def _slot(start_method: str) -> Slot:
    case = Case(
        kernel="planted_right",
        implementation="py_loop",
        executor="processes",
        workers=2,
        size="S",
        start_method=start_method,
        transport="shm",
    )
    return Slot(case=case)


def _cmdline(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def _role(process: psutil.Process) -> str:
    line = _cmdline(process)
    for word, role in (
        ("supervisor.supervisor", "supervisor"),
        ("resource_tracker", "tracker"),
        ("multiprocessing.forkserver", "forkserver"),
        ("spawn_main", "worker"),
    ):
        if word in line:
            return role
    return "runner"


def _find(injector: Injector, role: str, start_method: str) -> psutil.Process | None:
    """Find one process of a role; forked workers look like what they were forked from."""
    found = [process for process in injector.processes() if process.status() != psutil.STATUS_ZOMBIE]
    if role == "worker" and start_method in ("fork", "forkserver"):
        parents = [p for p in found if _role(p) == ("runner" if start_method == "fork" else "forkserver")]
        found = [p for p in parents if p.ppid() in {q.pid for q in parents}]
        return found[0] if found else None
    found = [process for process in found if _role(process) == role]
    pids = {process.pid for process in found}
    found = [process for process in found if process.ppid() not in pids]
    return found[0] if found else None


VICTIMS = [
    (role, method)
    for method in START_METHODS
    for role in ("worker", "runner", *(("forkserver",) if method == "forkserver" else ()), "supervisor")
]


EVERY = [
    (number, moment, victim, method)
    for number in (signal.SIGKILL, signal.SIGSTOP)
    for moment in ("between", "round")
    for victim, method in VICTIMS
    if (victim, number)
    != ("supervisor", signal.SIGSTOP)  # whoever stops it has stopped gilscope, until it is continued
]
SOME = [
    (signal.SIGKILL, "between", "runner", "spawn"),
    (signal.SIGKILL, "round", "worker", "forkserver"),
    (signal.SIGKILL, "round", "forkserver", "forkserver"),
    (signal.SIGKILL, "round", "supervisor", "forkserver"),
    (signal.SIGSTOP, "round", "worker", "fork"),
]


@pytest.mark.parametrize(
    ("number", "moment", "victim", "start_method"), EVERY if ALL else SOME, ids=lambda v: getattr(v, "name", v)
)
def test_a_process_that_is_killed_or_stopped_fails_one_case_and_leaves_nothing(
    injector: Injector, victim: str, start_method: str, moment: str, number: signal.Signals
) -> None:
    slot = _slot(start_method)
    with SupervisedHost({"processes": 2}, cpus=2, prepare_timeout_s=120.0) as host:
        assert host.prepare(slot).status == "ok"
        process = _find(injector, victim, start_method)
        assert process is not None, f"no {victim} among {[_cmdline(p) for p in injector.processes()]}"

        def hit() -> None:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(number)

        later = threading.Timer(0.0 if moment == "between" else 0.3, hit)
        later.start()
        if moment == "between":
            later.join()
        try:
            if victim == "forkserver" and number == signal.SIGKILL:
                with pytest.raises(MeasurementError):  # its workers end with it
                    host.run_round(slot, LONG, Lead(repeats=0), TIMEOUT_S)
            elif victim == "forkserver":
                assert host.run_round(slot, 2, Lead(repeats=0), 60).wall_ns > 0  # it is not needed once workers run
            else:
                with pytest.raises(MeasurementError) as caught:
                    host.run_round(slot, LONG, Lead(repeats=0), TIMEOUT_S)
                assert "\n" not in str(caught.value)
        finally:
            later.join()
        if victim == "forkserver" and number == signal.SIGSTOP:
            process.resume()
        if victim != "supervisor":
            assert host.run_round(slot, 2, Lead(repeats=0), 120).wall_ns > 0


def test_killing_the_resource_tracker_costs_nothing(injector: Injector) -> None:
    slot = _slot("spawn")
    with SupervisedHost({"processes": 2}, cpus=2, prepare_timeout_s=120.0) as host:
        assert host.prepare(slot).status == "ok"
        tracker = _find(injector, "tracker", "spawn")
        if tracker is not None:  # started by multiprocessing where it likes
            tracker.kill()
            assert eventually(lambda: not tracker.is_running() or tracker.status() == psutil.STATUS_ZOMBIE)
        assert host.run_round(slot, 2, Lead(repeats=0), 120).wall_ns > 0
