"""Payloads arrive as they were sent, what does not fit is left out with the reason, and a job's stages add up."""

from __future__ import annotations

import multiprocessing
import threading

import pytest

from gilscope.core.errors import MeasurementError, UsageError, WorkerRaisedError
from gilscope.core.spec import Availability
from gilscope.measure.events import Observer
from gilscope.studies import _ipc_channels as channels
from gilscope.studies import _ipc_runner, ipc
from gilscope.studies.host import StudyHost
from gilscope.studies.ipc_rows import IPC, STAGES, IpcRequest
from tests.leftovers import abandoned, shared_memory
from tests.studies.logged import document_of

COSTS = dict.fromkeys(STAGES, 0.01)


class FakeHost:
    """A machine where 1 MiB takes a millisecond through any channel; one channel fails, all time is counted."""

    def __init__(self, clock: list[int], *, fails: str = "") -> None:
        self.clock, self.fails, self.asked = clock, fails, []

    def call(self, runner, message, timeout_s):
        self.asked.append((runner, message))
        if message["op"] == "job":
            self.clock[0] += 10**8
            return {"stages_s": COSTS, "total_s": 0.08}
        if message["channel"] == self.fails:
            raise WorkerRaisedError("what arrived is not what was sent")
        each_s = 1e-6 + message["bytes"] / 2**30
        self.clock[0] += round(each_s * (message["transfers"] + 1) * 1e9)
        return {"seconds": each_s}


@pytest.fixture
def clock(monkeypatch) -> list[int]:
    now = [0]
    monkeypatch.setattr("gilscope.core.clocks.wall_ns", lambda: now[0])
    real = ipc.interleave
    monkeypatch.setattr(ipc, "interleave", lambda *args, **more: real(*args, **more, clock_ns=lambda: now[0]))
    return now


def measured(clock, observer=None, folder=None, *, fails: str = "", resume: bool = False, **asked):
    host, request = FakeHost(clock, fails=fails), IpcRequest(**asked)
    measure = lambda log: ipc.measure(request, host, log, observer or Observer())  # noqa: E731
    return document_of(IPC, request, measure, folder, resume=resume), host


def row_of(document, channel, nbytes):
    return next(r for r in document["rows"] if r.get("channel") == channel and r["bytes"] == nbytes)


def test_every_channel_size_and_job_is_a_row(clock):
    document, host = measured(clock, sizes=(1 << 10, 1 << 20), budget_s=30)
    pipe = row_of(document, "pipe", 1 << 20)
    assert pipe["seconds"]["value"] == pytest.approx(1 / 1024, rel=0.01)
    assert pipe["bandwidth_bytes_per_s"]["value"] == pytest.approx(2**30, rel=0.01)
    assert row_of(document, "signal", 0)["kind"] == "latency"
    assert row_of(document, "thread_queue", 1 << 20)["bandwidth_bytes_per_s"] is None
    jobs = [row for row in document["rows"] if row["kind"] == "job"]
    assert [row["start_method"] for row in jobs] == ["fork", "forkserver", "spawn"]
    assert jobs[0]["stages_s"]["import"]["value"] == 0.01
    assert {runner for runner, message in host.asked if message["op"] == "job"} == {"jobs"}
    assert document["blocks"] >= 6


def test_sizes_that_the_budget_cannot_bear_are_left_out_dearest_first(clock, monkeypatch):
    monkeypatch.setattr(ipc, "available_bytes", lambda: 1 << 50)
    document, _ = measured(clock, sizes=(1 << 10, 1 << 20, 1 << 25, 1 << 30), budget_s=20)
    large = row_of(document, "pipe", 1 << 30)
    assert (large["status"], large["reason"]) == ("left_out", "6 rounds of it do not fit into the budget")
    assert "--budget" in large["cure"]
    assert row_of(document, "pipe", 1 << 10)["status"] == "ok"
    assert document["blocks"] >= 6


def test_sizes_that_memory_cannot_bear_are_not_even_tried(clock, monkeypatch):
    monkeypatch.setattr(ipc, "available_bytes", lambda: 8 << 20)
    document, host = measured(clock, sizes=(1 << 10, 1 << 20), budget_s=30)
    large = row_of(document, "pipe", 1 << 20)
    assert (large["status"], large["reason"]) == (
        "left_out",
        "needs up to 5 times 1 MiB of memory, and 8 MiB are free",
    )
    assert all(message["bytes"] != 1 << 20 for _, message in host.asked)


def test_a_small_shared_memory_folder_is_said_with_the_cure(tmp_path, monkeypatch):
    monkeypatch.setattr(ipc, "available_bytes", lambda: None)
    monkeypatch.setattr(ipc.shutil, "disk_usage", lambda folder: type("Usage", (), {"free": 64 << 20}))
    cell = ipc._Measurand(kind="transfer", name="shared_memory", nbytes=1 << 30)
    status, reason, cure = ipc._no_room(cell, shm=tmp_path)
    assert (status, reason) == ("left_out", f"{tmp_path} has 64 MiB left")
    assert "--shm-size" in cure
    assert ipc._no_room(ipc._Measurand(kind="transfer", name="pipe", nbytes=1 << 30), shm=tmp_path) is None


def test_a_channel_that_fails_is_a_row_and_its_larger_sizes_are_not_tried(clock):
    document, host = measured(clock, fails="mp_queue", sizes=(1 << 10, 1 << 20), budget_s=30)
    for nbytes in (1 << 10, 1 << 20):
        assert row_of(document, "mp_queue", nbytes)["status"] == "failed"
    assert "is not what was sent" in row_of(document, "mp_queue", 1 << 20)["reason"]
    assert [m["bytes"] for _, m in host.asked if m.get("channel") == "mp_queue"] == [1]
    assert row_of(document, "pipe", 1 << 20)["status"] == "ok"


def test_channels_that_are_not_here_carry_the_reason(clock, monkeypatch):
    absent = Availability(ok=False, reason="no interpreters", cure="use 3.14")
    monkeypatch.setattr(ipc, "availability", lambda name: absent if "inter" in name else Availability(ok=True))
    document, _ = measured(clock, sizes=(1 << 10,), budget_s=30)
    row = row_of(document, "interpreter_queue", 1 << 10)
    assert (row["status"], row["reason"], row["cure"]) == ("unavailable", "no interpreters", "use 3.14")


def test_ctrl_c_while_trying_or_measuring_ends_with_what_there_is(clock):
    class Impatient(Observer):
        def message(self, text):
            raise KeyboardInterrupt

    document, _ = measured(clock, Impatient(), sizes=(1 << 10,))
    assert (document["interrupted"], document["blocks"]) == (True, 0)


def test_what_was_tried_before_is_not_tried_again_by_resume(clock, tmp_path):
    class Impatient(Observer):
        def block_done(self, kernel, blocks, *rest):
            if blocks == 2:
                raise KeyboardInterrupt

    options = {"sizes": (1 << 10,), "budget_s": 30}
    before, _ = measured(clock, Impatient(), tmp_path, fails="mp_queue", **options)
    assert (before["interrupted"], before["blocks"]) == (True, 2)
    after, host = measured(clock, None, tmp_path, resume=True, **options)
    assert (after["interrupted"], row_of(after, "pipe", 1 << 10)["seconds"]["blocks"]) == (False, after["blocks"])
    rounds = [message for _, message in host.asked if message.get("channel") == "pipe" and message["bytes"] == 1 << 10]
    assert len(rounds) == after["blocks"] - 2
    # what failed is tried again, and has fewer blocks than the others
    assert row_of(after, "mp_queue", 1 << 10)["status"] == "ok"
    assert row_of(after, "mp_queue", 1 << 10)["seconds"]["blocks"] == after["blocks"] - 2


@pytest.mark.parametrize("sizes", [(), (0,), (2, 1), (1, 1)])
def test_sizes_must_increase_from_one(sizes):
    with pytest.raises(UsageError, match="sizes must"):
        IpcRequest(sizes=sizes)


def test_every_channel_has_a_label_and_a_way_to_be_opened():
    assert set(channels.PROCESS_CHANNELS) | {"thread_queue", "interpreter_queue"} == set(ipc.CHANNELS)


# Channels themselves --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [n for n in channels.PROCESS_CHANNELS if n != "signal"])  # needs a process
def test_what_arrives_is_what_was_sent(name):
    """Peers in threads: the same code as in processes, without their start."""
    end = channels.PROCESS_CHANNELS[name](multiprocessing.get_context())
    ours, theirs = multiprocessing.Pipe()
    thread = threading.Thread(target=channels.peer, args=(_other_side(end), theirs))
    thread.start()
    for nbytes in (0,) if name == "condition" else (1, 5000, 1 << 18, 3):
        payload = bytearray(i % 251 for i in range(nbytes))
        times_ns, intact = channels.transfer(end, ours, payload, 3)
        assert len(times_ns) == 3
        assert intact
    ours.close()
    thread.join(timeout=10)
    assert not thread.is_alive()
    if name == "mp_queue":
        end.queue.close()
        end.queue.join_thread()


def _other_side(end):
    """Return what a process would have got: another object where the sides keep state of their own."""
    if not isinstance(end, channels.Notify):
        return end
    other = object.__new__(type(end))
    other.reader, other.writer = end.reader, end.writer
    return other


def test_what_arrives_changed_is_found_out():
    class Careless(channels.Pipe):
        def receive(self, control):
            arrived = super().receive(control)
            return arrived[:-1] + bytes([arrived[-1] ^ 1])

    peers = _ipc_runner.Peers()
    end = Careless(multiprocessing.get_context())
    ours, theirs = multiprocessing.Pipe()
    threading.Thread(target=channels.peer, args=(end, theirs), daemon=True).start()
    peers._open["pipe"] = (end, ours, 0)
    with pytest.raises(MeasurementError, match="what arrived of 4096 bytes is not what was sent"):
        peers.round({"channel": "pipe", "bytes": 4096, "transfers": 1})


def test_payloads_of_two_rounds_differ_in_every_page():
    peers = _ipc_runner.Peers()
    first = bytes(peers._payload(1 << 18))
    second = bytes(peers._payload(1 << 18))
    assert all(first[i : i + (1 << 16)] != second[i : i + (1 << 16)] for i in range(0, 1 << 18, 1 << 16))


def test_real_peers_answer_and_leave_nothing_behind():
    before = shared_memory()
    with StudyHost(ipc.RUNNER) as host:
        for name in ("pipe", "shared_memory", "mapped_file", "signal", "thread_queue"):
            nbytes = 0 if name == "signal" else 10_000
            found = host.call("c", {"op": "round", "channel": name, "bytes": nbytes, "transfers": 2}, 60.0)
            assert 0 < found["seconds"] < 10
        with pytest.raises(WorkerRaisedError, match="KeyError: 'carrier pigeon'"):
            host.call("c", {"op": "round", "channel": "carrier pigeon", "bytes": 1, "transfers": 1}, 60.0)
    assert abandoned(before) == set()


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_the_stages_of_a_job_follow_each_other_without_a_gap(method):
    with StudyHost(ipc.RUNNER) as host:
        message = {"op": "job", "start_method": method, "bytes": 1 << 16, "module": "decimal"}
        found = host.call("jobs", message, 60.0)
    assert tuple(found["stages_s"]) == STAGES
    assert sum(found["stages_s"].values()) == pytest.approx(found["total_s"])
    assert found["stages_s"]["start"] > 0
    assert min(found["stages_s"].values()) >= 0
