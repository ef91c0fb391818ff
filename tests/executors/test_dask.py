"""The dask executor against a real scheduler and two real workers on loopback, and against a cluster of its own."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

distributed = pytest.importorskip("distributed", reason="distributed is not installed: pip install 'gilscope[dask]'")

from gilscope import __version__  # noqa: E402
from gilscope.cli import main  # noqa: E402
from gilscope.core.cases import Case, Slot  # noqa: E402
from gilscope.core.errors import WorkerDiedError, WorkerRaisedError  # noqa: E402
from gilscope.core.spec import Impl  # noqa: E402
from gilscope.executors import _dask_cluster  # noqa: E402
from gilscope.executors import dask as executor  # noqa: E402
from gilscope.executors._dask_cluster import WorkerClock, clock_of, complaint_about  # noqa: E402
from gilscope.executors._worker import WorkerReport  # noqa: E402
from gilscope.measure.host import Lead, SupervisedHost  # noqa: E402

KERNELS = ("mandelbrot", "nbody", "triad", "crc32", "montecarlo_pi")


@dataclass
class Cluster:
    """A scheduler and its workers, each a process of its own, as one would start them on several machines."""

    address: str
    scheduler: subprocess.Popen[bytes]
    workers: list[subprocess.Popen[bytes]]
    folder: Path

    def ends(self) -> str:
        """Return how its workers are and the last they said: a worker once died without a reason to be seen."""
        statuses = [worker.poll() for worker in self.workers]
        return f"exit status of the workers: {statuses}\n{(self.folder / 'worker.txt').read_text()[-8_000:]}"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    folder = tmp_path_factory.mktemp("cluster")
    told = folder / "scheduler.json"
    scheduler = _start(folder, "scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(told))
    workers = [_start(folder, "worker", "--scheduler-file", str(told), "--nthreads", "1") for _ in range(2)]
    try:
        deadline = time.monotonic() + 60
        while not told.exists() or not told.read_text().strip():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        address = json.loads(told.read_text())["address"]
        with distributed.Client(address) as client:
            client.wait_for_workers(2, timeout=60)
        yield Cluster(address=address, scheduler=scheduler, workers=workers, folder=folder)
    finally:
        for process in (*workers, scheduler):
            process.kill()
            process.wait()


def _start(folder: Path, what: str, *words: str) -> subprocess.Popen[bytes]:
    nanny = ["--no-nanny"] if what == "worker" else []  # the process that is killed is the worker itself
    command = [sys.executable, "-m", f"distributed.cli.dask_{what}", "--no-dashboard", *nanny, *words]
    environment = {**os.environ, "PYTHONFAULTHANDLER": "1"}
    with open(folder / f"{what}.txt", "ab") as said:
        return subprocess.Popen(command, cwd=folder, env=environment, stdout=said, stderr=said)


def _slot(kernel: str, workers: int = 2, size: str = "XS", implementation: str = "py_loop") -> Slot:
    case = Case(kernel=kernel, implementation=implementation, executor="dask", workers=workers, size=size)
    return Slot(case=case)


def test_the_kernels_are_exact_on_a_running_cluster(cluster: Cluster) -> None:
    with SupervisedHost({"dask": 2}, cpus=2, dask_scheduler=cluster.address) as host:
        for kernel, implementation in itertools.product(KERNELS, ("py_loop", "cy_nogil")):
            record = host.prepare(_slot(kernel, implementation=implementation))
            assert (record.status, record.reason) == ("ok", ""), cluster.ends()
            assert [place["clock_error_ns"] for place in record.placed] == [0, 0]  # the same machine, the same clock
            assert record.one_time_ns["transfer"] > 0
            measured = host.run_round(_slot(kernel, implementation=implementation), 2, Lead(repeats=1), 60)
            assert len(measured.stamps) == 2


def test_the_table_goes_up_to_the_workers_of_the_cluster(
    cluster: Cluster, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["mandelbrot", "--implementations", "py_loop", "--size", "XS", "--budget", "1", "--json", "--quiet"]
    assert main(["run", *words, "--dask-scheduler", cluster.address, "--out", str(tmp_path / "r")]) == 0
    document = json.loads(capsys.readouterr().out)
    assert {row["workers"] for row in document["cases"] if row["executor"] == "dask"} == {2}
    assert document["study"]["dask_scheduler"] == cluster.address
    row = next(row for row in document["cases"] if row["executor"] == "dask")
    assert row["speedup"] is not None
    assert row["gil"]["reason"] == "each process has a GIL of its own"


def test_more_workers_than_there_are_is_said_before_anything_is_sent(cluster: Cluster) -> None:
    with SupervisedHost({"dask": 3}, cpus=2, dask_scheduler=cluster.address) as host:
        record = host.prepare(_slot("mandelbrot", workers=3))
    assert record.status == "unavailable"
    assert "has 2 workers" in record.reason
    assert "--workers 2" in record.cure


def _until_it_fails(host: SupervisedHost, slot: Slot) -> None:
    while True:
        host.run_round(slot, 4, Lead(repeats=0), 60)


def test_a_worker_lost_in_the_middle_fails_its_case_and_the_rest_goes_on(cluster: Cluster) -> None:
    long, one = _slot("mandelbrot", size="S"), _slot("mandelbrot", workers=1)
    with SupervisedHost({"dask": 2}, cpus=2, dask_scheduler=cluster.address) as host:
        assert host.prepare(long).status == "ok"
        threading.Timer(0.3, cluster.workers[0].kill).start()
        with pytest.raises((WorkerDiedError, WorkerRaisedError), match="was lost"):
            _until_it_fails(host, long)
        again = host.prepare(long)
        assert (again.status, "has 1 worker," in again.reason) == ("unavailable", True)
        assert host.prepare(one).status == "ok"
        assert host.run_round(one, 2, Lead(repeats=1), 60).wall_ns > 0


def test_a_cluster_of_its_own_survives_the_death_of_a_worker_and_leaves_nothing(planted_path: Path) -> None:
    with SupervisedHost({"dask": 2}, cpus=2) as host:
        supervisor = psutil.Process(host.supervisor.pid)
        killed = host.prepare(_slot("planted_killed", size="S"))
        assert killed.status == "failed"
        assert "was killed by SIGKILL" in killed.reason
        assert host.prepare(_slot("mandelbrot")).status == "ok"
        started = supervisor.children(recursive=True)
        assert len(started) >= 3
    assert not any(process.is_running() for process in started)


def test_an_address_where_nobody_answers_is_one_clear_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(_dask_cluster, "_CONNECT_S", 0.2)
    assert main(["run", "mandelbrot", "--dask-scheduler", "tcp://127.0.0.1:9"]) == 2
    error = capsys.readouterr().err.strip()
    assert "no Dask scheduler answers at tcp://127.0.0.1:9" in error
    assert "dask scheduler" in error


def test_an_address_that_is_none_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "mandelbrot", "--dask-scheduler", "localhost"]) == 2
    assert "tcp://127.0.0.1:8786" in capsys.readouterr().err


_JOBS = """
from gilscope.executors._dask_cluster import Cluster
ours = Cluster("", 1)
[jobs] = ours.client.run(lambda dask_worker: list(dask_worker.periodic_callbacks)).values()
print(jobs)
ours.close()
"""


def test_nothing_interrupts_the_computations_of_our_own_cluster() -> None:
    done = subprocess.run([sys.executable, "-c", _JOBS], capture_output=True, text=True, timeout=120)
    assert "heartbeat" in done.stdout, done.stderr
    assert "profile" not in done.stdout


HERE = f"{sys.version_info.major}.{sys.version_info.minor}"


@pytest.mark.parametrize(
    ("facts", "threads", "words"),
    [
        ({"python": HERE, "gilscope": __version__}, 1, ""),
        ({"python": "3.9", "gilscope": __version__}, 1, "runs Python 3.9, this is"),
        ({"python": HERE, "gilscope": ""}, 1, "has no gilscope"),
        ({"python": HERE, "gilscope": "0.0.1"}, 1, "has gilscope 0.0.1, this is"),
        ({"python": HERE, "gilscope": __version__}, 4, "has 4 threads"),
        (OSError("gone"), 1, "could not tell its versions"),
    ],
)
def test_a_worker_that_cannot_be_used_says_why(facts: object, threads: int, words: str) -> None:
    complaint = complaint_about("tcp://far:1", facts, threads)  # type: ignore[arg-type]
    assert words in complaint
    assert bool(words) == bool(complaint)
    assert "\n" not in complaint


def test_the_offset_of_a_clock_comes_from_the_shortest_exchange_and_its_error_is_half_of_that() -> None:
    # The worker's clock is 1,000,000 behind; the second exchange is the shortest, and uneven: 30 there, 10 back.
    pings = [(0, -999_900, 300), (1000, -998_970, 1040), (2000, -997_700, 2500)]
    clock = clock_of(pings)
    assert clock == WorkerClock(offset_ns=999_990, error_ns=20)
    assert abs(clock.offset_ns - 1_000_000) <= clock.error_ns


def test_times_of_a_worker_are_moved_to_the_clock_of_the_parent() -> None:
    report = WorkerReport(start_ns=5, end_ns=9, waiting_ns=0, waking_ns=0, cpu_ns=3, run_queue_ns=1, partials=())
    _, _, moved, _ = _dask_cluster.on_our_clock(("ok", "w", report, ()), {"w": WorkerClock(offset_ns=100, error_ns=1)})
    assert (moved.start_ns, moved.end_ns, moved.cpu_ns) == (105, 109, 3)


def test_where_it_is_not_installed_it_says_how_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executor.importlib.util, "find_spec", lambda name: None)
    assert "pip install 'gilscope[dask]'" in executor.availability(Impl(name="any", target="", gil="held")).cure
