"""Too little of something: shared memory, memory, CPU time, processes."""

from __future__ import annotations

import json
import os
import resource
import threading
import time
from pathlib import Path

import psutil
import pytest

from benchmarks.selfbench.quota import CannotLimitError, limited_cpus
from gilscope import results
from gilscope.core.errors import MeasurementError
from gilscope.measure.host import Lead, SupervisedHost
from tests.faults.conftest import Injector, eventually
from tests.faults.programs import finish, start
from tests.faults.spaces import FULL_SHM, SMALL_SHM, why_no_space
from tests.faults.ways import FAMILIES, Way, those_here, ways

OPTIONS = ["--implementations", "py_loop", "--workers", "2", "--budget", "2", "--json", "--quiet", "--out", "there"]
GOOD = {"ok", "too_noisy"}
BOMB = 400  # processes: a bomb that harms nobody
MOST = 100  # processes that gilscope is told to bear
BOMBED = [way for way in ways() if way.executor != "interpreters"]  # which may not fork
PATIENCE_S = 120.0


def statuses(out: str) -> dict[str, tuple[str, str]]:
    """Return status and reason by executor of what ran in parallel."""
    rows = json.loads(out)["cases"]
    return {row["executor"]: (row["status"], row["reason"]) for row in rows if row["executor"] != "serial"}


@pytest.mark.skipif(bool(why_no_space()), reason=why_no_space())
@pytest.mark.parametrize("kernel", ["planted_right", "planted_large"])
def test_shared_memory_of_64_mib_is_enough_for_any_buffers(injector: Injector, tmp_path: Path, kernel: str) -> None:
    """Containers have so much; buffers of ``planted_large`` take 96 MiB."""
    words = ["--executors", ",".join(["threads", "processes", *those_here("loky", "dask")])]
    methods = ["--start-method", "fork,forkserver,spawn"]
    code, out, err = finish(start(tmp_path, ["run", kernel, *OPTIONS, *words, *methods], SMALL_SHM))
    assert (code, err) == (0, "")
    assert {status for status, _ in statuses(out).values()} <= GOOD


@pytest.mark.skipif(bool(why_no_space()), reason=why_no_space())
def test_full_shared_memory_costs_at_most_those_who_need_a_name_in_it(injector: Injector, tmp_path: Path) -> None:
    needy = those_here("loky", "dask")
    words = ["--executors", ",".join(["threads", "processes", *needy])]
    methods = ["--start-method", "fork,forkserver,spawn"]
    code, out, err = finish(start(tmp_path, ["run", "planted_right", *OPTIONS, *words, *methods], FULL_SHM))
    assert (code, err) == (1 if needy else 0, "")
    found = statuses(out)
    for name in needy:
        status, reason = found.pop(name)
        assert status == "failed"
        assert f"{name} cannot be started: no space left on device; make room in /dev/shm" in reason.lower()
    assert {status for status, _ in found.values()} <= GOOD


def test_buffers_larger_than_the_memory_are_told_in_one_line(injector: Injector, tmp_path: Path) -> None:
    """Eight tebibytes, which nobody has: without the look beforehand somebody would be killed for them."""
    code, out, err = finish(
        start(tmp_path, ["run", "planted_large", *OPTIONS, "--size", "L", "--executors", "threads"])
    )
    assert (code, err) == (1, "")
    for row in json.loads(out)["cases"]:
        assert row["status"] == "failed"
        assert "its buffers take 8,388,608 MiB" in row["reason"] or "its T(1)" in row["reason"]


@pytest.mark.parametrize("executor", ["threads", "processes"])
def test_buffers_that_cannot_be_mapped_are_told_in_one_line(injector: Injector, tmp_path: Path, executor: str) -> None:
    limit = 3 << 30  # of addresses; the buffers take 4 GiB

    def few_addresses() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))

    words = ["run", "planted_large", "planted_right", *OPTIONS, "--executors", executor]
    code, out, err = finish(start(tmp_path, [*words, "--size", "M"], preexec_fn=few_addresses))
    assert (code, err) == (1, "")
    for row in json.loads(out)["cases"]:
        if row["case"].startswith("planted_large"):
            assert row["status"] == "failed"
            assert "MemoryError: 4,294,971,392 bytes of shared memory: Cannot allocate" in row["reason"]
        else:
            assert row["status"] in GOOD


def test_private_buffers_beyond_the_memory_limit_fail_their_case_alone(injector: Injector, tmp_path: Path) -> None:
    words = ["run", "planted_large", *OPTIONS, "--executors", "threads,processes", "--transport", "pickle"]
    code, out, err = finish(start(tmp_path, [*words, "--size", "M", "--memory-limit", "1G"]))
    assert (code, err) == (1, "")
    found = statuses(out)
    assert found["threads"][0] in GOOD  # shared inputs and outputs do not count
    assert found["processes"][0] == "failed"
    assert "MemoryError" in found["processes"][1]


@pytest.mark.parametrize("executors", ["threads,processes", *those_here("loky")])
def test_half_a_cpu_is_enough(injector: Injector, tmp_path: Path, executors: str) -> None:
    try:
        with limited_cpus(0.5) as members:

            def join() -> None:
                members.write_text(str(os.getpid()))

            words = ["run", "planted_right", *OPTIONS, "--executors", executors]
            code, out, err = finish(start(tmp_path, words, preexec_fn=join))
            assert eventually(lambda: not members.read_text().split())
    except CannotLimitError as error:
        pytest.skip(str(error))
    assert (code, err) == (0, "")
    assert {status for status, _ in statuses(out).values()} <= GOOD
    assert results.load(tmp_path / "there").environment["cpus"]["quota_cpus"] == 0.5


def alive(injector: Injector) -> list[psutil.Process]:
    return [process for process in injector.processes() if process.status() != psutil.STATUS_ZOMBIE]


def bombed(host: SupervisedHost, injector: Injector, way: Way) -> str:
    """Let a worker commit a fork bomb in the middle of a round; return why that failed."""
    later = threading.Timer(0.2, injector.arm, ["bomb"])
    later.start()
    try:
        host.run_round(way.slot("planted_fault"), 10_000, Lead(repeats=0), PATIENCE_S)
    except MeasurementError as error:
        return str(error)
    finally:
        later.join()
    return ""


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="processes are counted on Linux only")
@pytest.mark.parametrize("way", BOMBED, ids=str)
def test_a_fork_bomb_is_found_and_ended(injector: Injector, monkeypatch: pytest.MonkeyPatch, way: Way) -> None:
    monkeypatch.setenv("GILSCOPE_TEST_BOMB", str(BOMB))
    with SupervisedHost(FAMILIES, cpus=2, prepare_timeout_s=PATIENCE_S, most_processes=MOST) as host:
        assert host.prepare(way.slot("planted_fault")).status == "ok"
        assert host.prepare(Way("threads").slot("planted_right")).status == "ok"
        usual = len(alive(injector))
        begin = time.monotonic()
        assert f"had more than {MOST} processes and was killed" in bombed(host, injector, way)
        assert time.monotonic() - begin < PATIENCE_S / 2
        assert eventually(lambda: len(alive(injector)) <= usual)
        injector.disarm()
        assert host.prepare(way.slot("planted_fault")).status == "ok"
