"""What every fault test has: planted kernels, a place of its own, and a look at what is left afterwards."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests import planted
from tests.leftovers import abandoned, eventually, shared_memory

ALL = os.environ.get("GILSCOPE_FAULTS") == "all"  # what make test-faults sets; otherwise a part of each kind is tried
MARK = "GILSCOPE_TEST_MARK"  # environment variable by which the processes of one test are known

# As tests/conftest.py does for Ctrl-C: a shell lets what it starts in the background ignore this one too.
if signal.getsignal(signal.SIGQUIT) == signal.SIG_IGN:
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)


class Injector:
    """Arms the planted fault, and knows the processes that belong to this test."""

    def __init__(self, trigger: Path, mark: str) -> None:
        self.trigger, self._mark = trigger, mark

    def arm(self, kind: str) -> None:
        """From now on the planted kernel commits ``kind``."""
        part = self.trigger.with_suffix(".part")
        part.write_text(kind)
        part.replace(self.trigger)

    def disarm(self) -> None:
        """From now on the planted kernel is harmless."""
        self.trigger.unlink(missing_ok=True)

    def committed(self, kind: str) -> bool:
        """Whether a worker has begun to commit ``kind``."""
        noted = Path(f"{self.trigger}{planted.NOTED}")
        return noted.exists() and kind in noted.read_text().split()

    def kill(self) -> bool:
        """Kill what is left of this test; return whether nothing was."""
        found = self.processes()
        for process in found:
            with contextlib.suppress(psutil.Error):
                process.kill()
        return not found

    def processes(self) -> list[psutil.Process]:
        """Every process this test started, however far it has run away; not this one."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.pid != os.getpid() and process.environ().get(MARK) == self._mark:
                    found.append(process)
            except psutil.Error:
                continue
        return found


@pytest.fixture
def injector(tmp_path: Path, planted_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Injector]:
    """Plant, give the test a temporary folder of its own, and claim afterwards that nothing is left."""
    scratch = Path(tempfile.mkdtemp(prefix="gf-", dir="/tmp"))  # short: sockets' paths are limited
    mark = scratch.name
    for name, value in (("TMPDIR", str(scratch)), (MARK, mark), (planted.FAULT_VARIABLE, str(tmp_path / "fault"))):
        monkeypatch.setenv(name, value)
    memory = shared_memory()
    made = Injector(tmp_path / "fault", mark)
    try:
        yield made
        assert eventually(lambda: not made.processes()), f"left behind: {made.processes()}"
        assert eventually(lambda: not list(scratch.iterdir())), f"left behind: {list(scratch.iterdir())}"
        left = abandoned(memory)
        assert not left, f"left behind: {left}"
    finally:
        eventually(made.kill)
        shutil.rmtree(scratch, ignore_errors=True)


LONG = {
    "test_a_disk_that_is_full_ends_in_one_line_and_keeps_whole_lines",
    "test_a_terminal_that_goes_away_ends_the_program_and_loses_nothing",
    "test_a_closed_standard_stream_does_no_harm",
    "test_cpus_taken_away_in_the_middle_stop_nothing",
    "test_a_memory_limit_turns_greed_into_a_memory_error",
    "test_a_signal_in_the_middle_of_a_line_costs_that_line",
    "test_a_signal_before_anything_is_there_leaves_nothing",
    "test_one_faulty_case_costs_its_own_row_and_resume_measures_it",
    "test_a_wall_clock_that_is_set_changes_nothing_but_dates",
    "test_openmp_that_hangs_after_a_fork_is_killed_at_its_time_out",
    "test_numbas_workqueue_that_aborts_the_process_is_told_with_its_cure",
    "test_a_cache_that_numba_cannot_write_is_told_with_its_cure",
    "test_shared_memory_of_64_mib_is_enough_for_any_buffers",
    "test_full_shared_memory_costs_at_most_those_who_need_a_name_in_it",
    "test_buffers_larger_than_the_memory_are_told_in_one_line",
    "test_buffers_that_cannot_be_mapped_are_told_in_one_line",
    "test_private_buffers_beyond_the_memory_limit_fail_their_case_alone",
    "test_half_a_cpu_is_enough",
    "test_a_fork_bomb_is_found_and_ended",
    "test_a_worker_that_takes_tasks_is_lost_alone",
    "test_lokys_tracker_is_not_needed_and_leaves_no_semaphore",
    "test_a_cluster_that_loses_a_part_costs_its_cases_and_no_others",
    "test_a_process_that_fails_while_it_starts_fails_one_case",
}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the tests of the whole program that take longest to make test-faults."""
    if ALL:
        return
    left_out = [item for item in items if getattr(item, "originalname", "") in LONG]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
