"""One way to the group that limits this process: for the quota, and for the clock of what the quota stopped."""

from __future__ import annotations

from pathlib import Path

import pytest

from gilscope.core import cgroups, clocks

V1 = "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct"
V2 = "31 23 0:28 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw"


def tree(root: Path, mount: str, own: str, files: dict[str, str]) -> Path:
    for name, text in {"proc/self/mountinfo": mount, "proc/self/cgroup": own, **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
    return root


def test_the_group_with_the_least_quota_on_the_way_up_is_the_one(tmp_path):
    quotas = {f"sys/fs/cgroup/{name}cpu.max": text for name, text in [("a/b/", "300000 100000"), ("a/", "2000 1000")]}
    found = cgroups.limiting_group(str(tree(tmp_path, V2, "0::/a/b", quotas)))
    assert found == (str(tmp_path / "sys/fs/cgroup/a"), 2.0)


def test_a_v1_group_is_found_below_its_own_mount(tmp_path):
    folder = "sys/fs/cgroup/cpu,cpuacct/job"
    files = {f"{folder}/cpu.cfs_quota_us": "150000", f"{folder}/cpu.cfs_period_us": "100000"}
    found = cgroups.limiting_group(str(tree(tmp_path, V1, "4:cpu,cpuacct:/job", files)))
    assert found == (str(tmp_path / folder), 1.5)


def test_without_a_quota_there_is_no_such_group(tmp_path):
    assert cgroups.limiting_group(str(tree(tmp_path, V2, "0::/a", {"sys/fs/cgroup/a/cpu.max": "max 100000"}))) is None
    assert cgroups.limiting_group(str(tmp_path / "nothing here")) is None


@pytest.fixture
def limited(tmp_path, monkeypatch):
    """Play a process under a quota; write the group's cpu.stat with the function returned."""
    monkeypatch.setattr(cgroups, "limiting_group", lambda: cgroups.LimitingGroup(str(tmp_path), 1.0))
    clocks._cpu_stat.cache_clear()
    yield lambda text: (tmp_path / "cpu.stat").write_text(text)
    clocks._cpu_stat.cache_clear()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("usage_usec 5\nnr_throttled 2\nthrottled_usec 1234\n", 1_234_000),  # v2
        ("nr_periods 9\nnr_throttled 2\nthrottled_time 1234567\n", 1_234_567),  # v1
        ("usage_usec 5\n", None),
    ],
)
def test_throttled_time_is_that_of_the_limiting_group(limited, text, expected):
    limited(text)
    assert clocks.throttled_ns() == expected


def test_throttled_time_is_unknown_where_nothing_limits(monkeypatch):
    monkeypatch.setattr(cgroups, "limiting_group", lambda: None)
    clocks._cpu_stat.cache_clear()
    assert clocks.throttled_ns() is None
    clocks._cpu_stat.cache_clear()
