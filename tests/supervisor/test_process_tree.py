"""What /proc tells of strangers is bytes; nothing in it may keep processes from being ended."""

from __future__ import annotations

import mmap
import os
import threading
import time
from pathlib import Path

import pytest

from gilscope.supervisor import process_tree as ending
from gilscope.supervisor import supervisor as supervising
from gilscope.supervisor.supervisor import Supervisor

pytestmark = pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="looks at Linux's /proc")


def test_semaphores_are_found_beside_mapped_files_of_any_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ending, "_SHARED", str(tmp_path))
    names = [b"mp-a", b"sem.loky-b", b"other", b"\xff\x85", "\u2028".encode()]
    maps = []
    for name in names:
        path = os.path.join(os.fsencode(tmp_path), name)
        with open(path, "w+b") as file:
            file.write(b"0")
            file.flush()
            maps.append(mmap.mmap(file.fileno(), 1))
    (tmp_path / "mp-not-mapped").touch()
    found = ending._semaphores_of(os.getpid())
    for each in maps:
        each.close()
    assert sorted(map(os.path.basename, found)) == ["mp-a", "sem.loky-b"]


def test_a_process_is_seen_whatever_its_name() -> None:
    assert threading.current_thread() is threading.main_thread()
    name = Path("/proc/self/comm")
    usual = name.read_bytes().rstrip()
    try:
        name.write_bytes(b"\xff) S 1 \x85")
        assert ending._processes()[os.getpid()].parent == os.getppid()
    finally:
        name.write_bytes(usual)


def test_what_cannot_be_ended_keeps_nothing_else_from_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    supervisor = object.__new__(Supervisor)
    supervisor._runners, supervisor._scratch = dict.fromkeys("ab"), str(scratch)
    stopped, closed = [], []

    def stop(name: str) -> None:
        stopped.append(name)
        raise ValueError(name)

    class Planted:
        def close(self) -> None:
            closed.append(self)

    monkeypatch.setattr(supervisor, "_stop", stop)
    monkeypatch.setattr(supervising, "kill_orphans", lambda spared: None)  # they would be those of the tests
    supervisor._segments = {"planted": Planted()}
    with pytest.raises(ValueError, match="a"):
        supervisor.shut_down()
    assert (sorted(stopped), len(closed), scratch.exists()) == (["a", "b"], 1, False)


def test_a_bomb_that_grows_slowly_is_counted_too(monkeypatch: pytest.MonkeyPatch) -> None:
    threads = [500]
    monkeypatch.setattr(supervising, "_threads_of_the_machine", lambda: threads[0])
    monkeypatch.setattr(supervising, "descendants", lambda: set(range(threads[0] - 500)))
    supervisor = object.__new__(Supervisor)
    supervisor._threads, supervisor._most_processes = 500, 100
    for threads[0] in range(500, 600, 10):
        assert not supervisor._pump(None, time.monotonic())  # a call that ends before the next look
        supervisor._check_for_fork_bomb()
    threads[0] = 640
    assert not supervisor._pump(None, time.monotonic())
    assert not supervisor._pump(None, time.monotonic())
    with pytest.raises(supervising._ForkBombError):
        supervisor._check_for_fork_bomb()
