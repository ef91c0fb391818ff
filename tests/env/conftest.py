"""Fake /proc and /sys trees."""

from __future__ import annotations

import pytest

V2_MOUNT = "31 23 0:28 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate"
V1_MOUNT = "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct"


class Tree:
    """Write files below a root that stands for ``/``."""

    def __init__(self, root):
        self.root = root

    def write(self, path, text):
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return self

    def topology(self, *groups):
        """One line per physical core: its logical CPUs, e.g. ``"0,2"``."""
        for group in groups:
            for cpu in group.split(","):
                self.write(f"sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list", group + "\n")
        return self

    def cgroup_v2(self, group, quotas, *, mount=V2_MOUNT):
        self.write("proc/self/mountinfo", mount + "\n").write("proc/self/cgroup", f"0::{group}\n")
        for folder, text in quotas.items():
            self.write(f"sys/fs/cgroup/{folder}/cpu.max", text + "\n")
        return self

    def cgroup_v1(self, group, quotas, *, mount=V1_MOUNT):
        self.write("proc/self/mountinfo", mount + "\n")
        self.write("proc/self/cgroup", f"5:memory:/else\n4:cpu,cpuacct:{group}\n0::/\n")
        for folder, (quota, period) in quotas.items():
            self.write(f"sys/fs/cgroup/cpu,cpuacct/{folder}/cpu.cfs_quota_us", f"{quota}\n")
            self.write(f"sys/fs/cgroup/cpu,cpuacct/{folder}/cpu.cfs_period_us", f"{period}\n")
        return self


@pytest.fixture
def tree(tmp_path):
    return Tree(tmp_path)


@pytest.fixture
def machine(monkeypatch):
    """Pretend that the machine has so many CPUs and the process may use those."""

    def pretend(logical, allowed=None):
        monkeypatch.setattr("os.cpu_count", lambda: logical)
        cpus = frozenset(range(logical) if allowed is None else allowed)
        monkeypatch.setattr("os.sched_getaffinity", lambda pid: cpus, raising=False)

    return pretend
