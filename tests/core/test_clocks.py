"""The clocks: what each counts, and None where a system does not tell."""

from __future__ import annotations

import hashlib
import os
import statistics
import threading
import time

import pytest

from gilscope.core import clocks

CLOCKS = ("wall_ns", "process_cpu_ns", "thread_cpu_ns")


@pytest.mark.parametrize("name", CLOCKS)
def test_a_clock_counts_whole_nanoseconds_and_never_backwards(name):
    clock = getattr(clocks, name)
    readings = [clock() for _ in range(1000)]
    assert all(type(reading) is int for reading in readings)
    assert readings == sorted(readings)


def spin() -> int:
    return sum(range(300_000))


def test_the_cpu_clock_of_a_thread_counts_its_own_work_only():
    before, process_before = clocks.thread_cpu_ns(), clocks.process_cpu_ns()
    worked: list[int] = []

    def work() -> None:
        start = clocks.thread_cpu_ns()
        spin()
        worked.append(clocks.thread_cpu_ns() - start)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    own, process = clocks.thread_cpu_ns() - before, clocks.process_cpu_ns() - process_before
    assert worked[0] > 0
    assert process >= worked[0]
    assert own < process


@pytest.mark.skipif(not os.path.exists("/proc/self/task"), reason="other systems' clocks are up to date")
def test_the_cpu_clock_of_the_process_has_what_a_thread_computes_now():
    done = threading.Event()

    def compute() -> None:
        while not done.is_set():
            hashlib.sha256(bytes(16 << 20))  # tens of ms without the GIL or a system call

    thread = threading.Thread(target=compute)
    thread.start()
    own = ~thread.native_id << 3 | 6
    shares = []
    try:
        for _ in range(30):
            process, alone = clocks.process_cpu_ns(), time.clock_gettime_ns(own)
            time.sleep(0.002)
            process = clocks.process_cpu_ns() - process
            shares.append(process / max(1, time.clock_gettime_ns(own) - alone))
    finally:
        done.set()
        thread.join()
    assert statistics.median(shares) > 0.8


class FakeFiles:
    """Stands for os.open and os.read of one file with a content; None: there is no such file."""

    def __init__(self, monkeypatch, content):
        self.content = content
        monkeypatch.setattr(os, "open", self.open)
        monkeypatch.setattr(os, "read", lambda fd, size: self.content[:size])
        monkeypatch.setattr(os, "close", lambda fd: None)

    def open(self, path, flags):
        if self.content is None:
            raise FileNotFoundError(2, "No such file or directory", path)
        return 77


def test_run_queue_delay_is_the_second_field(monkeypatch):
    FakeFiles(monkeypatch, b"123456789 987654321 42\n")
    assert clocks.run_queue_ns() == 987654321


def test_steal_is_the_eighth_field_in_ticks_of_ten_milliseconds(monkeypatch):
    FakeFiles(monkeypatch, b"cpu  1 2 3 4 5 6 7 81 9 10\ncpu0 0 0 0 0 0 0 0 0 0 0\n")
    assert clocks.steal_ns() == 810_000_000


@pytest.mark.parametrize("content", [None, b"", b"cpu 1 2\n"])
@pytest.mark.parametrize("name", ["run_queue_ns", "steal_ns"])
def test_a_clock_the_system_does_not_have_is_none(monkeypatch, name, content):
    FakeFiles(monkeypatch, content if name == "steal_ns" or content is None else b"")
    assert getattr(clocks, name)() is None


@pytest.mark.parametrize("name", ["run_queue_ns", "steal_ns"])
def test_a_clock_the_system_has_counts_upwards(name):
    first, second = getattr(clocks, name)(), getattr(clocks, name)()
    assert (first is None) == (second is None)
    assert first is None or 0 <= first <= second
