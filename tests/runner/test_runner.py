"""What a runner does before it serves."""

from __future__ import annotations

import hashlib
import os
import resource
import subprocess
import sys
import threading
from types import SimpleNamespace
from typing import Any

import pytest

from gilscope.core.cases import Case
from gilscope.core.records import Round
from gilscope.runner.runner import _Runner


def test_a_low_limit_of_open_files_is_raised_as_far_as_it_may_be() -> None:
    code = (
        "import resource; from gilscope.runner.runner import _allow_files; _, hard = resource.getrlimit("
        "resource.RLIMIT_NOFILE); resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard)); _allow_files(); "
        "print(*resource.getrlimit(resource.RLIMIT_NOFILE))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    soft, hard = map(int, out.stdout.split())
    assert soft == (16_384 if hard == resource.RLIM_INFINITY else min(hard, 16_384))


class LeavesAThread:
    """A session whose library computes on for some ms after each round, as OpenMP's and OpenBLAS's threads do."""

    def __init__(self) -> None:
        self.threads: list[threading.Thread] = []

    def run_round(self, repeats: int, limit: int | None = None) -> Round:
        data = bytes(16 << 20)  # some ms without the GIL or a system call
        self.threads.append(threading.Thread(target=lambda: hashlib.sha256(data)))
        self.threads[-1].start()
        return Round(repeats=repeats, start_ns=0, end_ns=1, stamps=())


@pytest.mark.skipif(not os.path.exists("/proc/self/task"), reason="other systems' clocks may lag")
def test_a_round_whose_libraries_have_threads_ends_when_they_have_stopped_spinning() -> None:
    runner = _Runner({"max_workers": 2, "cpus": 2, "places": [], "starts": [], "dask_scheduler": ""})
    session: Any = LeavesAThread()
    task: Any = SimpleNamespace(case=Case.parse("user:f/f@threads.all*2#2~c1"), copies=())
    runner._bound["key"] = session, task
    message = {"op": "round", "key": "key", "repeats": 1, "diagnose": False, "cpu": None, "lead_repeats": 0}
    ended = []
    for _ in range(9):
        runner._round(message)
        ended.append(not session.threads[-1].is_alive())
        session.threads[-1].join()
    assert sum(ended) > 6  # a thread that waits for a CPU looks as if it rested
