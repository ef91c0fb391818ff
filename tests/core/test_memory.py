"""What is free within a cgroup: its files can go, so they take no room."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gilscope.core.memory import available_bytes

pytestmark = pytest.mark.skipif(not os.path.exists("/proc/meminfo"), reason="looks at Linux's /proc")

V1, V2 = ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"), ("memory.max", "memory.current")


def group(root: Path, names: tuple[str, str], limit: str, used: int, stat: str | None) -> Path:
    for name, text in zip(names, (limit, str(used)), strict=True):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(f"{text}\n")
    if stat is not None:
        (root / names[0]).with_name("memory.stat").write_text(stat)
    return root


@pytest.mark.parametrize(
    ("names", "stat", "free"),
    [
        (V2, "anon 1\ninactive_file 4096\nactive_file 8192\nfile 99\n", 13288),
        (V1, "inactive_file 7\ntotal_inactive_file 4096\ntotal_active_file 8192\n", 13288),
        (V2, "anon 1\n", 1000),
    ],
)
def test_files_that_a_group_keeps_are_free(tmp_path: Path, names: tuple[str, str], stat: str, free: int) -> None:
    assert available_bytes(group(tmp_path, names, "50000", 49000, stat)) == free


def test_a_group_beyond_its_limit_has_nothing_left(tmp_path: Path) -> None:
    assert available_bytes(group(tmp_path, V2, "1000", 2000, "")) == 0


@pytest.mark.parametrize(("names", "limit"), [(V2, "max"), (V1, str(2**63 - 4096)), (V2, "nonsense")])
def test_without_a_limit_the_machine_counts(tmp_path: Path, names: tuple[str, str], limit: str) -> None:
    free = available_bytes(group(tmp_path, names, limit, 2000, ""))
    assert free is not None
    assert free > 1 << 20
