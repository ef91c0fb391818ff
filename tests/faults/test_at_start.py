"""Faults before anything is measured: importing the kernel, sending it to workers, starting a process."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from gilscope.measure.host import SupervisedHost
from tests import planted
from tests.faults.conftest import ALL, Injector
from tests.faults.ways import FAMILIES, HARMLESS, HUNG, Way, sentence, ways

TIMEOUT_S = 3.0
PATIENCE_S = 120.0
GRACE_S = 5.0
IMPORTED = [kind for kind in planted.FAULTS if kind not in ("unpicklable", "poison")]  # these are about results
ALL_IMPORTS = [(kind, way) for kind in IMPORTED for way in ways() if way.executor != "native"]
SENT = [(kind, way) for kind in ("pickle", "unpickle") for way in ways() if way.pickles]

STARTED = {  # what a new process is known by
    "runner": "runner.runner",
    "forkserver": "multiprocessing.forkserver",
    "spawned": "spawn_main",
    "loky": "popen_loky",
}
STARTED_BY = {"forkserver": Way("processes", "forkserver", "shm"), "loky": Way("loky")}  # the others by spawn
DEATHS = ("segfault", "exit", "kill", "sleep", "stop")
STARTS = [(kind, process) for kind in DEATHS for process in STARTED]


def prepared(host: SupervisedHost, way: Way, kernel: str, timeout_s: float) -> tuple[str, str]:
    """Prepare a case with so much time; return its status and reason."""
    host._prepare_timeout_s = timeout_s
    record = host.prepare(way.slot(kernel))
    host._prepare_timeout_s = PATIENCE_S
    return record.status, record.reason


@pytest.mark.parametrize(("kind", "way"), ALL_IMPORTS if ALL else ALL_IMPORTS[:1], ids=str)
def test_a_kernel_that_fails_while_it_is_imported_fails_alone(injector: Injector, kind: str, way: Way) -> None:
    with SupervisedHost(FAMILIES, cpus=2, prepare_timeout_s=PATIENCE_S) as host:
        assert prepared(host, way, "planted_right", PATIENCE_S) == ("ok", "")
        injector.arm(kind)
        begin = time.monotonic()
        status, reason = prepared(host, way, "planted_start", TIMEOUT_S if kind in HUNG else PATIENCE_S)
        if kind in HARMLESS:
            assert (status, reason) == ("ok", "")
        else:
            assert status == ("timeout" if kind in HUNG else "failed")
            assert sentence(kind) in reason
            assert "\n" not in reason
        if kind in HUNG:
            assert time.monotonic() - begin < TIMEOUT_S + GRACE_S
        assert prepared(host, way, "planted_right", PATIENCE_S) == ("ok", "")
        injector.disarm()
        assert prepared(host, way, "planted_start", PATIENCE_S) == ("ok", "")


@pytest.mark.parametrize(("kind", "way"), SENT if ALL else SENT[-1:], ids=str)
def test_what_cannot_be_sent_to_a_worker_fails_its_case(injector: Injector, kind: str, way: Way) -> None:
    with SupervisedHost(FAMILIES, cpus=2, prepare_timeout_s=PATIENCE_S) as host:
        assert prepared(host, way, "planted_right", PATIENCE_S) == ("ok", "")
        injector.arm(kind)
        status, reason = prepared(host, way, "planted_params", PATIENCE_S)
        assert status == "failed"
        assert f"planted while {'pickling' if kind == 'pickle' else 'unpickling'}" in reason
        assert "\n" not in reason
        injector.disarm()
        assert prepared(host, way, "planted_params", PATIENCE_S) == ("ok", "")


@pytest.mark.parametrize(("kind", "process"), STARTS, ids=str)
def test_a_process_that_fails_while_it_starts_fails_one_case(
    injector: Injector, planted_path: Path, kind: str, process: str
) -> None:
    way = STARTED_BY.get(process, Way("processes", "spawn", "shm"))
    if str(way) not in map(str, ways()):
        pytest.skip(f"{way} does not work here")
    (planted_path / "sitecustomize.py").write_text(
        "import sys\n"
        f"if any({STARTED[process]!r} in word for word in sys.orig_argv):\n"
        "    import planted\n"
        "    planted.FAULTS.get(planted.armed(), int)()\n"
    )
    injector.arm(kind)
    with SupervisedHost(FAMILIES, cpus=2, prepare_timeout_s=PATIENCE_S) as host:
        status, reason = prepared(host, way, "planted_right", TIMEOUT_S if kind in HUNG else PATIENCE_S)
        assert status == ("timeout" if kind in HUNG else "failed")
        assert "\n" not in reason
        injector.disarm()
        assert prepared(host, way, "planted_right", PATIENCE_S) == ("ok", "")
