"""Which CPU each worker gets, on machines made of small files."""

from __future__ import annotations

import pytest

from gilscope.core.errors import UsageError
from gilscope.env.pinning import Place, places


@pytest.fixture
def two_sockets(tree, machine):
    """Eight CPUs: four cores with two threads each, n and n + 4, two cores per NUMA node."""
    machine(8)
    for cpu in range(8):
        core = cpu % 4
        tree.write(f"sys/devices/system/cpu/cpu{cpu}/topology/core_cpus_list", f"{core},{core + 4}\n")
        tree.write(f"sys/devices/system/cpu/cpu{cpu}/node{core // 2}/cpulist", "\n")
    return tree.root


@pytest.mark.parametrize(
    ("pin", "cpus"), [("none", []), ("cores", [0, 1, 2, 3, 4, 5, 6, 7]), ("smt", [0, 4, 1, 5, 2, 6, 3, 7])]
)
def test_cores_come_before_their_second_threads_or_after_them(two_sockets, pin, cpus):
    assert [place.cpu for place in places(pin, two_sockets)] == cpus


def test_a_place_knows_its_node_and_what_shares_its_core(two_sockets):
    place = places("cores", two_sockets)[2]
    assert place == Place(cpu=2, node=1, siblings=(6,))


def test_only_cpus_this_process_may_use_are_given_out(two_sockets, machine):
    machine(8, allowed=[1, 2, 5])
    assert [place.cpu for place in places("cores", two_sockets)] == [1, 2, 5]
    assert [place.cpu for place in places("smt", two_sockets)] == [1, 5, 2]
    assert places("smt", two_sockets)[2].siblings == (6,)


def test_where_the_system_tells_nothing_each_cpu_is_a_core(tree, machine):
    machine(3)
    found = places("smt", tree.root)
    assert [(place.cpu, place.node, place.siblings) for place in found] == [(0, None, ()), (1, None, ()), (2, None, ())]


def test_a_system_that_cannot_bind_threads_says_so(monkeypatch):
    monkeypatch.delattr("os.sched_setaffinity", raising=False)
    with pytest.raises(UsageError, match="cannot bind threads"):
        places("cores")
    assert places("none") == ()
