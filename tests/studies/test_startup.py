"""Workers of every kind that is here are started and ended; the rest are rows with their reason."""

from __future__ import annotations

import multiprocessing
import os

import pytest

from gilscope.core.errors import RoundTimeoutError, UsageError, WorkerDiedError, WorkerRaisedError
from gilscope.core.registry import EXECUTORS, START_METHODS
from gilscope.core.spec import Availability
from gilscope.measure.events import Observer
from gilscope.studies import _startup_kinds, startup
from gilscope.studies.host import StudyHost
from tests.studies.logged import document_of

SAMPLE = {"import_s": 0.1, "create_s": 0.2, "join_s": 0.1, "total_s": 0.3, "again_s": 0.2, "pss_bytes": None}


class FakeHost:
    """Answers at once; one kind dies."""

    def __init__(self, dies: str = "", error: BaseException | None = None) -> None:
        self.dies, self.asked, self.ended = dies, [], []
        self.error = error or WorkerDiedError("its process was killed by SIGKILL")

    def call(self, runner, message, timeout_s):
        self.asked.append(runner)
        if runner == self.dies:
            raise self.error
        return SAMPLE

    def end(self, runner) -> None:
        self.ended.append(runner)


def document(host, folder=None, *, resume=False, **asked):
    request = startup.StartupRequest(**asked)

    def measure(log):
        startup.measure(request, startup.usable(request), host, log, Observer())

    return document_of(startup.STARTUP, request, measure, folder, resume=resume)


def measured(host, **asked):
    return {row["label"]: row for row in document(host, **asked)["rows"]}


def test_kinds_are_executors_and_start_methods():
    assert set(startup.KINDS) <= {*EXECUTORS, *START_METHODS}


def test_every_repetition_has_a_process_of_its_own_and_memory_without_proc_has_a_reason():
    host = FakeHost()
    rows = measured(host, kinds=("threads", "spawn"), budget_s=0.05)
    assert host.asked == host.ended
    assert rows["processes/spawn"]["total_s"]["value"] == 0.3
    assert rows["threads"]["pss_bytes"] is None
    assert "smaps_rollup" in rows["threads"]["pss_reason"]


def test_ctrl_c_while_a_process_is_asked_is_no_failure_and_nothing_more_is_said_to_the_host():
    host = FakeHost(dies="spawn", error=KeyboardInterrupt())
    found = document(host, kinds=("spawn",))
    assert (found["interrupted"], found["blocks"], host.ended) == (True, 0, [])
    assert found["rows"][0]["status"] == "ok"


def test_a_kind_that_dies_is_a_row():
    host = FakeHost(dies="spawn")
    rows = measured(host, kinds=("threads", "spawn"), budget_s=0.05)
    assert (rows["processes/spawn"]["status"], rows["processes/spawn"]["reason"]) == (
        "failed",
        "its process was killed by SIGKILL",
    )
    assert rows["threads"]["status"] == "ok"
    assert "spawn" not in host.ended  # the host has ended it already


def test_what_failed_is_tried_again_by_resume_and_keeps_its_reason_until_it_has_a_sample(tmp_path):
    options = {"kinds": ("threads", "spawn"), "budget_s": 0.05}
    document(FakeHost(dies="spawn"), tmp_path, **options)
    rows = document(FakeHost(), tmp_path, resume=True, **options)["rows"]
    assert (rows[1]["status"], rows[1]["total_s"]) == ("failed", None)
    found = document(FakeHost(), tmp_path, resume=True, **{**options, "budget_s": 0.5})
    assert (found["rows"][1]["status"], found["rows"][1]["reason"]) == ("ok", "")
    assert 0 < found["rows"][1]["total_s"]["blocks"] < found["rows"][0]["total_s"]["blocks"] == found["blocks"]


def test_what_is_not_here_is_a_row_or_if_it_is_all_an_error(monkeypatch):
    real = startup.availability
    absent = Availability(ok=False, reason="not installed", cure="install it")
    monkeypatch.setattr(startup, "availability", lambda kind: absent if kind == "dask" else real(kind))
    rows = measured(FakeHost(), kinds=("threads", "dask"), budget_s=0.05)
    assert (rows["dask"]["status"], rows["dask"]["reason"], rows["dask"]["cure"]) == (
        "unavailable",
        "not installed",
        "install it",
    )
    with pytest.raises(UsageError, match="nothing of this is here: dask: not installed"):
        measured(FakeHost(), kinds=("dask",))


def test_no_workers_are_refused():
    with pytest.raises(UsageError, match="workers must be 1 or more"):
        startup.StartupRequest(workers=0)


def test_threads_that_fail_say_so():
    def inside(wait) -> None:
        raise ValueError("no room")

    with pytest.raises(ValueError, match="no room"):
        _startup_kinds._threads(inside)(2)


@pytest.mark.parametrize("kind", ["threads", *multiprocessing.get_all_start_methods()])
def test_workers_really_start_and_end(kind):
    with StudyHost(startup.RUNNER) as host:
        found = host.call("it", {"kind": kind, "workers": 2}, 60.0)
    assert 0 < found["create_s"] < found["total_s"]
    assert found["again_s"] > 0
    if os.path.exists("/proc/self/smaps_rollup") and kind == "spawn":
        assert found["pss_bytes"] > 1 << 20


def test_a_runner_that_raises_or_does_not_answer_says_what_happened():
    with StudyHost(startup.RUNNER) as host:
        with pytest.raises(WorkerRaisedError, match="cannot find context for 'nothing'"):
            host.call("it", {"kind": "nothing", "workers": 2}, 60.0)
        with pytest.raises(RoundTimeoutError, match="its process did not answer within 1e-06 s and was killed"):
            host.call("it", {"kind": "threads", "workers": 2}, 1e-6)
        assert host.call("it", {"kind": "threads", "workers": 2}, 60.0)["status"] == "ok"
