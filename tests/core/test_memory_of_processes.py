"""Memory of a process and all it has started is summed from /proc; elsewhere it is unknown, not zero."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from gilscope.core.memory import family_of, family_pss_bytes


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """1 has started 2, which has started 3; 4 is somebody else's; 5 is gone."""
    for pid, parent, pss_kib in ((1, 0, 100), (2, 1, 20), (3, 2, 3), (4, 0, 1000)):
        folder = tmp_path / str(pid)
        folder.mkdir()
        (folder / "stat").write_text(f"{pid} (a (b) c) S {parent} 1 1")
        (folder / "smaps_rollup").write_text(f"header\nRss: 9 kB\nPss: {pss_kib} kB\nPss_Anon: 7 kB\n")
    (tmp_path / "5").mkdir()
    (tmp_path / "self").mkdir()
    return tmp_path


def test_a_family_is_a_process_with_all_it_has_started(proc: Path):
    assert sorted(family_of(1, proc)) == [1, 2, 3]
    assert family_of(4, proc) == [4]


def test_memory_is_the_sum_over_the_family(proc: Path):
    assert family_pss_bytes(1, proc) == 123 * 1024
    (proc / "3" / "smaps_rollup").unlink()  # it has ended meanwhile
    assert family_pss_bytes(1, proc) == 120 * 1024


def test_where_the_system_does_not_tell_it_is_unknown(proc: Path, tmp_path: Path):
    for path in proc.glob("*/smaps_rollup"):
        path.unlink()
    assert family_pss_bytes(1, proc) is None
    assert family_pss_bytes(1, tmp_path / "no proc") is None


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has /proc")
def test_it_reads_this_process():
    found = family_pss_bytes(os.getpid())
    assert found is not None
    assert found > 1 << 20
