"""Usable CPUs: affinity, cgroup quota, the user's own limit, and which of them counts."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gilscope.core.errors import UsageError
from gilscope.env import cpu
from gilscope.env.cpu import UsableCpus, cgroup_quota_cpus, core_groups, default_workers, usable_cpus


def with_count(count):
    return UsableCpus(count=count, limit="machine", detail="", logical=count, physical=None, quota_cpus=None)


def test_without_limits_the_machine_counts(tree, machine):
    machine(8)
    usable = usable_cpus(tree.root, {})
    assert (usable.count, usable.limit, usable.logical, usable.quota_cpus) == (8, "machine", 8, None)


def test_affinity_counts_when_it_allows_fewer(tree, machine):
    machine(8, allowed={1, 5, 7})
    usable = usable_cpus(tree.root, {})
    assert (usable.count, usable.limit, usable.logical) == (3, "affinity", 8)
    assert usable.detail == "the affinity of this process allows 3 of 8 logical CPUs"


@pytest.mark.parametrize(
    ("text", "count", "quota"),
    [("200000 100000", 2, 2.0), ("250000 100000", 2, 2.5), ("50000 100000", 1, 0.5), ("1000 1000000", 1, 0.001)],
)
def test_a_cgroup_v2_quota_counts_by_its_whole_cpus_and_at_least_one(tree, machine, text, count, quota):
    machine(8)
    usable = usable_cpus(tree.cgroup_v2("/job", {"job": text}).root, {})
    assert (usable.count, usable.limit, usable.quota_cpus) == (count, "cgroup quota", quota)


def test_a_quota_above_the_machine_does_not_limit_it(tree, machine):
    machine(4)
    usable = usable_cpus(tree.cgroup_v2("/job", {"job": "800000 100000"}).root, {})
    assert (usable.count, usable.limit, usable.quota_cpus) == (4, "machine", 8.0)


def test_the_least_quota_on_the_way_up_counts(tree):
    quotas = {"a/b/c": "max 100000", "a/b": "300000 100000", "a": "150000 100000", "": "max 100000"}
    assert cgroup_quota_cpus(tree.cgroup_v2("/a/b/c", quotas).root) == 1.5


def test_a_quota_of_a_sibling_group_does_not_count(tree):
    assert cgroup_quota_cpus(tree.cgroup_v2("/a/b", {"a/c": "100000 100000", "a/b": "max 100000"}).root) is None


def test_a_cgroup_v1_quota_counts(tree):
    quotas = {"docker/1": (-1, 100000), "docker": (350000, 100000)}
    assert cgroup_quota_cpus(tree.cgroup_v1("/docker/1", quotas).root) == 3.5


def test_a_container_that_sees_only_its_own_part_of_the_tree_finds_its_quota(tree):
    mount = "32 31 0:29 /docker/1 /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct"
    assert cgroup_quota_cpus(tree.cgroup_v1("/docker/1", {"": (200000, 100000)}, mount=mount).root) == 2.0


def test_a_group_outside_the_namespace_reads_the_mount_point(tree):
    assert cgroup_quota_cpus(tree.cgroup_v2("/../../other", {"": "200000 100000"}).root) == 2.0


def test_both_versions_mounted_side_by_side_are_read(tree):
    tree.cgroup_v1("/a", {"a": (200000, 100000)})
    tree.write(
        "proc/self/mountinfo",
        "1 2 0:1 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
        "3 2 0:2 / /sys/fs/cgroup/unified rw shared:9 - cgroup2 cgroup2 rw\n",
    )
    assert cgroup_quota_cpus(tree.root) == 2.0
    tree.write("sys/fs/cgroup/unified/cpu.max", "100000 100000")
    assert cgroup_quota_cpus(tree.root) == 1.0


@pytest.mark.parametrize("text", ["", "max", "abc 100000", "100000 0", "-5 100000", "1 2 3"])
def test_an_odd_quota_file_is_no_quota(tree, text):
    assert cgroup_quota_cpus(tree.cgroup_v2("/a", {"a": text}).root) is None


@pytest.mark.parametrize(("quota", "period"), [(-1, 100000), (0, 100000), ("x", 100000), (1000, 0)])
def test_an_odd_v1_quota_is_no_quota(tree, quota, period):
    assert cgroup_quota_cpus(tree.cgroup_v1("/a", {"a": (quota, period)}).root) is None


@given(st.text(max_size=200), st.text(max_size=200))
def test_no_content_of_the_cgroup_files_breaks_the_reading(tmp_path_factory, mountinfo, cgroup):
    root = tmp_path_factory.mktemp("root")
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/mountinfo").write_text(mountinfo, encoding="utf-8", errors="replace")
    (root / "proc/self/cgroup").write_text(cgroup, encoding="utf-8", errors="replace")
    assert cgroup_quota_cpus(root) is None


def test_the_users_limit_counts_when_it_is_lower_and_never_raises(tree, machine):
    machine(8)
    lower = usable_cpus(tree.root, {"GILSCOPE_MAX_WORKERS": "3"})
    assert (lower.count, lower.limit) == (3, "GILSCOPE_MAX_WORKERS")
    assert (usable_cpus(tree.root, {"GILSCOPE_MAX_WORKERS": "64"}).limit) == "machine"
    assert usable_cpus(tree.root, {"GILSCOPE_MAX_WORKERS": " "}).count == 8


@pytest.mark.parametrize("text", ["0", "-1", "two", "1.5", "1e3", "²"])
def test_a_users_limit_that_is_no_number_of_workers_is_refused_with_the_cure(tree, text):
    with pytest.raises(UsageError, match=r"GILSCOPE_MAX_WORKERS.*whole number above zero, or unset it"):
        usable_cpus(tree.root, {"GILSCOPE_MAX_WORKERS": text})


def test_physical_cores_are_counted_by_their_hardware_threads(tree, machine):
    machine(4)
    tree.topology("0,2", "1,3")
    assert core_groups(tree.root) == ((0, 2), (1, 3))
    assert usable_cpus(tree.root, {}).physical == 2


def test_without_topology_the_number_of_physical_cores_is_unknown(tree, machine):
    machine(4)
    assert core_groups(tree.root) == ()
    assert usable_cpus(tree.root, {}).physical is None


def test_a_system_without_affinity_is_asked_through_psutil_and_may_not_know(tree, monkeypatch):
    monkeypatch.delattr("os.sched_getaffinity", raising=False)
    monkeypatch.setattr("os.cpu_count", lambda: 4)
    monkeypatch.setitem(sys.modules, "psutil", None)  # importing it fails
    assert usable_cpus(tree.root, {}).limit == "machine"
    assert cpu.allowed_cpus() is None


@pytest.mark.parametrize(
    ("count", "workers"),
    [(1, (1,)), (2, (1, 2)), (3, (1, 2, 3)), (4, (1, 2, 4)), (6, (1, 2, 4, 6)), (64, (1, 2, 4, 8, 16, 32, 64))],
)
def test_default_workers_are_powers_of_two_and_all(count, workers):
    assert default_workers(with_count(count)) == workers


@given(st.integers(1, 1000))
def test_default_workers_ascend_from_one_to_all(count):
    workers = default_workers(with_count(count))
    assert (workers[0], workers[-1]) == (1, count)
    assert list(workers) == sorted(set(workers))


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system has no affinity to set")
def test_a_process_bound_to_one_cpu_counts_one():
    code = (
        "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
        "from gilscope.env import usable_cpus\n"
        "usable = usable_cpus(); print(usable.count, usable.limit if usable.logical > 1 else 'affinity')"
    )
    environ = {name: value for name, value in os.environ.items() if name != "GILSCOPE_MAX_WORKERS"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environ)
    assert done.stdout.split() == ["1", "affinity"]
