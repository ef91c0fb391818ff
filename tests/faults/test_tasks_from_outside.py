"""What others do to the processes of loky and Dask: kill or stop a worker, a tracker, a scheduler, a nanny."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil
import pytest

from gilscope.core.errors import MeasurementError
from gilscope.measure.host import Lead, SupervisedHost
from tests.faults.conftest import Injector, eventually
from tests.faults.ways import FAMILIES, Way

TIMEOUT_S = 6.0
PATIENCE_S = 120.0
LONG = 10_000  # repeats: minutes, so that a round never ends by itself before it is hit
MIDDLING = 20  # a second, or several on a loaded machine
NUMBERS = (signal.SIGKILL, signal.SIGSTOP)
MOMENTS = ("between", "round")


def commit(
    host: SupervisedHost,
    way: Way,
    victim: psutil.Process,
    number: int,
    moment: str,
    repeats: int = LONG,
    timeout_s: float = TIMEOUT_S,
) -> str:
    """Signal a process between rounds or in the middle of one; return why the round failed, or nothing."""

    def hit() -> None:
        with contextlib.suppress(psutil.NoSuchProcess):
            victim.send_signal(number)

    later = threading.Timer(0.0 if moment == "between" else 0.5, hit)
    later.start()
    if moment == "between":
        later.join()
    try:
        host.run_round(way.slot("planted_right"), repeats, Lead(repeats=0), timeout_s)
    except MeasurementError as error:
        return str(error)
    finally:
        later.join()
    return ""


def find(injector: Injector, word: str) -> psutil.Process:
    """Return one of this test's processes with a word in its command line."""
    for process in injector.processes():
        with contextlib.suppress(psutil.Error):
            if word in " ".join(process.cmdline()):
                return process
    raise AssertionError(f"no {word}")


def works(host: SupervisedHost, way: Way) -> bool:
    """Whether a case can be prepared and measured."""
    slot = way.slot("planted_right")
    try:
        return host.prepare(slot).status == "ok" and host.run_round(slot, 2, Lead(repeats=0), PATIENCE_S).wall_ns > 0
    except MeasurementError:
        return False


OWN = [
    (name, word, number, moment)
    for name, word in (("loky", "popen_loky"), ("dask", "spawn_main"))
    for number in NUMBERS
    for moment in MOMENTS
    if importlib.util.find_spec({"dask": "distributed"}.get(name, name)) is not None
]


@pytest.mark.parametrize(("executor", "word", "number", "moment"), OWN, ids=lambda v: getattr(v, "name", v))
def test_a_worker_that_takes_tasks_is_lost_alone(
    injector: Injector, executor: str, word: str, number: signal.Signals, moment: str
) -> None:
    way = Way(executor)
    with SupervisedHost(FAMILIES, cpus=2, prepare_timeout_s=PATIENCE_S) as host:
        assert works(host, way)
        reason = commit(host, way, find(injector, word), number, moment)
        assert reason
        assert "\n" not in reason
        if number == signal.SIGSTOP:
            assert "did not answer within" in reason
        else:
            assert "SIGKILL" in reason
        assert works(host, way)
        assert works(host, Way("threads"))


@pytest.mark.skipif(importlib.util.find_spec("loky") is None, reason="loky is not installed")
@pytest.mark.parametrize("number", NUMBERS)
def test_lokys_tracker_is_not_needed_and_leaves_no_semaphore(injector: Injector, number: signal.Signals) -> None:
    with SupervisedHost(FAMILIES, cpus=2, prepare_timeout_s=PATIENCE_S) as host:
        assert works(host, Way("loky"))
        find(injector, "loky.backend.resource_tracker").send_signal(number)
        assert host.run_round(Way("loky").slot("planted_right"), 2, Lead(repeats=0), PATIENCE_S).wall_ns > 0
        host.replace_runners()
        assert works(host, Way("loky"))


@contextmanager
def running_cluster(folder: Path) -> Iterator[tuple[str, dict[str, subprocess.Popen[bytes]]]]:
    """Run a scheduler and two workers with a nanny each, as on machines of their own; yield address and processes."""
    told = folder / "scheduler.json"
    parts = {"scheduler": start(folder, "scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", told)}
    try:
        assert eventually(lambda: told.exists() and told.stat().st_size > 0, 60)
        for number in range(2):
            parts[f"nanny{number}"] = start(
                folder, "worker", "--scheduler-file", told, "--nthreads", "1", "--local-directory", folder
            )
        from distributed import Client

        with Client(scheduler_file=str(told), timeout=60) as client:
            client.wait_for_workers(2, timeout=60)
            address = client.scheduler.address
        yield address, parts
    finally:
        for process in parts.values():
            process.send_signal(signal.SIGCONT)
            process.kill()
            process.wait()


def start(folder: Path, what: str, *words: object) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", f"distributed.cli.dask_{what}", "--no-dashboard", *map(str, words)]
    environment = os.environ | {"TMPDIR": str(folder)}  # what they leave when they are killed is not ours
    return subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


PARTS = ("scheduler", "nanny", "worker")
OTHERS = [(victim, number, moment) for victim in PARTS for number in NUMBERS for moment in MOMENTS]


@pytest.mark.skipif(importlib.util.find_spec("distributed") is None, reason="distributed is not installed")
@pytest.mark.parametrize(("victim", "number", "moment"), OTHERS, ids=lambda v: getattr(v, "name", v))
def test_a_cluster_that_loses_a_part_costs_its_cases_and_no_others(
    injector: Injector, tmp_path: Path, victim: str, number: signal.Signals, moment: str
) -> None:
    way = Way("dask")
    with ExitStack() as stack:
        address, parts = stack.enter_context(running_cluster(tmp_path))
        host = stack.enter_context(SupervisedHost(FAMILIES, cpus=2, prepare_timeout_s=60.0, dask_scheduler=address))
        assert works(host, way)
        nanny = psutil.Process(parts["nanny0"].pid)
        workers = [child for child in nanny.children() if "spawn_main" in " ".join(child.cmdline())]
        target = {"scheduler": psutil.Process(parts["scheduler"].pid), "nanny": nanny, "worker": workers[0]}[victim]
        unneeded = (victim, number) == ("nanny", signal.SIGSTOP)  # nobody needs a nanny to compute
        reason = commit(host, way, target, number, moment, *((MIDDLING, PATIENCE_S) if unneeded else (LONG, TIMEOUT_S)))
        assert "\n" not in reason
        if unneeded:
            assert reason == ""
        elif number == signal.SIGKILL:
            assert any(words in reason for words in ("was lost", "is gone", "did not answer within")), reason
        else:
            assert "did not answer within" in reason
        if number == signal.SIGKILL and victim == "scheduler":
            begin = time.monotonic()
            record = host.prepare(way.slot("planted_right"))
            assert record.status == "unavailable"
            assert "no Dask scheduler answers" in record.reason
            assert time.monotonic() - begin < PATIENCE_S / 2
        elif number == signal.SIGKILL and victim == "nanny":
            assert "1 worker" in host.prepare(way.slot("planted_right")).reason
        else:
            if number == signal.SIGSTOP:
                target.resume()
            assert eventually(lambda: works(host, way), PATIENCE_S), host.prepare(way.slot("planted_right")).reason
        assert works(host, Way("threads"))
