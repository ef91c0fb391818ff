"""Libraries that end the process they are in: OpenMP after a fork, Numba's workqueue, a cache nobody can write."""

from __future__ import annotations

import importlib.util
import json
import textwrap
import threading
import time
from pathlib import Path
from typing import Any

import pytest

import gilscope
from gilscope.core.errors import RoundTimeoutError
from gilscope.measure.host import Lead, SupervisedHost
from tests.faults.conftest import Injector
from tests.faults.programs import finish, start
from tests.faults.spaces import READ_ONLY, why_no_space
from tests.faults.ways import FAMILIES, Way, ways

TIMEOUT_S = 4.0
PATIENCE_S = 120.0
HAS_OPENMP = importlib.util.find_spec("gilscope.kernels.mandelbrot._cy_omp") is not None
FORKING = [way for way in ways() if way.executor != "interpreters"]  # which may not fork
needs_openmp = pytest.mark.skipif(not HAS_OPENMP, reason="compiled without OpenMP")
needs_numba = pytest.mark.skipif(importlib.util.find_spec("numba") is None, reason="Numba is not installed")
OPTIONS = ["--workers", "2", "--budget", "2", "--json", "--quiet", "--out", "there"]


def rows(out: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(out)["cases"]
    return found


@needs_openmp
@pytest.mark.parametrize("way", FORKING, ids=str)
def test_openmp_that_hangs_after_a_fork_is_killed_at_its_time_out(injector: Injector, way: Way) -> None:
    with SupervisedHost(FAMILIES, cpus=2, prepare_timeout_s=PATIENCE_S) as host:
        assert host.prepare(way.slot("planted_fault")).status == "ok"
        later = threading.Timer(0.1, injector.arm, ["fork_after_openmp"])
        later.start()
        begin = time.monotonic()
        with pytest.raises(RoundTimeoutError, match="did not answer within"):
            host.run_round(way.slot("planted_fault"), 10_000, Lead(repeats=0), TIMEOUT_S)
        assert time.monotonic() - begin < TIMEOUT_S + 5
        later.join()
        injector.disarm()
        assert host.prepare(way.slot("planted_fault")).status == "ok"


@needs_openmp
def test_a_runner_that_has_threads_of_openmp_does_not_fork(injector: Injector) -> None:
    with SupervisedHost(FAMILIES, cpus=2, prepare_timeout_s=PATIENCE_S) as host:
        record = host.prepare(Way("processes", "fork", "shm").slot("planted_openmp"))
        assert record.status == "unavailable"
        assert "threads and must not fork" in record.reason
        assert record.cure == "use --start-method forkserver or spawn"
        assert host.prepare(Way("processes", "forkserver", "shm").slot("planted_openmp")).status == "ok"
        host.replace_runners()
        assert host.prepare(Way("processes", "fork", "shm").slot("planted_right")).status == "ok"


@needs_numba
def test_numbas_workqueue_that_aborts_the_process_is_told_with_its_cure(
    injector: Injector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NUMBA_THREADING_LAYER", "workqueue")
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "numba"))
    (tmp_path / "mine.py").write_text(
        textwrap.dedent("""\
        import numba
        import numpy

        @numba.njit(parallel=True, nogil=True)
        def _total(values):
            total = 0.0
            for index in numba.prange(len(values)):
                total += values[index] ** 0.5
            return total

        _VALUES = numpy.ones(200_000)

        def total():
            return _total(_VALUES)
        """)
    )
    code, out, err = finish(start(tmp_path, ["profile", "mine.py:total", "--executors", "threads", *OPTIONS]))
    assert (code, err) == (1, "")
    by = {row["executor"]: row for row in rows(out)}
    assert by["serial"]["status"] in ("ok", "too_noisy")
    assert by["threads"]["status"] == "failed"
    assert "SIGABRT" in by["threads"]["reason"]
    assert "\n" not in by["threads"]["reason"]
    assert "NUMBA_THREADING_LAYER=omp" in by["threads"]["cure"]


@needs_numba
@pytest.mark.skipif(bool(why_no_space()), reason=why_no_space())
def test_a_cache_that_numba_cannot_write_is_told_with_its_cure(
    injector: Injector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("no folder")
    for name in ("HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "file"))
    words = ["run", "mandelbrot", "--size", "XS", "--implementations", "nb_nogil,cy_nogil", "--executors", "threads"]
    read_only = READ_ONLY.format(Path(gilscope.__file__).parent)
    code, out, err = finish(start(tmp_path, [*words, *OPTIONS], read_only))
    assert (code, err) == (1, "")
    for row in rows(out):
        if row["implementation"] == "cy_nogil":
            assert row["status"] in ("ok", "too_noisy")
        else:
            assert row["status"] == "failed"
            assert "no locator available" in row["reason"]
            assert "\n" not in row["reason"]
            assert row["cure"] == "set NUMBA_CACHE_DIR to a folder that can be written"
