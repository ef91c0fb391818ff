"""Each check answers ok, warning with a cure, or unknown; on fake machines."""

from __future__ import annotations

import pytest

from gilscope.env import checks
from gilscope.env.checks import CHECKS, MachineState, run_checks
from gilscope.env.cpu import UsableCpus

CPUINFO_VIRTUAL = "processor : 0\nmodel name : Some CPU\nflags\t\t: fpu avx2 hypervisor\n"


def usable(count=4, *, logical=4, quota=None):
    return UsableCpus(count=count, limit="machine", detail="", logical=logical, physical=None, quota_cpus=quota)


@pytest.fixture
def ask(tree):
    """Return the answer of the check with a name on the fake machine."""

    def run(name, *, environ=None, **facts):
        host = MachineState(root=tree.root, environ=environ or {}, usable=usable(**facts))
        return CHECKS[name](host)

    return run


def test_every_check_answers_on_a_machine_that_tells_nothing(tree, monkeypatch):
    def silent(interval):
        raise OSError("no such counter here")

    monkeypatch.setattr("psutil.cpu_percent", silent)
    answers = run_checks(tree.root, {}, usable())
    assert [answer.name for answer in answers] == list(CHECKS)
    assert {answer.status for answer in answers} == {"ok", "unknown"}
    assert all(answer.message and not answer.cure for answer in answers)


@pytest.mark.parametrize(("load", "status"), [(0.1, "ok"), (1.0, "ok"), (1.01, "warning"), (9.0, "warning")])
def test_load_above_a_quarter_of_the_cpus_warns(ask, monkeypatch, load, status):
    monkeypatch.setattr("psutil.cpu_percent", lambda interval: load / 4 * 100)
    assert ask("load", logical=4).status == status


@pytest.mark.parametrize(
    ("governors", "status"),
    [(["performance"] * 2, "ok"), (["powersave"] * 2, "warning"), (["performance", "schedutil"], "warning")],
)
def test_a_governor_other_than_performance_warns(ask, tree, governors, status):
    for number, governor in enumerate(governors):
        tree.write(f"sys/devices/system/cpu/cpu{number}/cpufreq/scaling_governor", governor)
    assert ask("frequency").status == status


@pytest.mark.parametrize(
    ("file", "text", "word"),
    [
        ("intel_pstate/no_turbo", "1", "off"),
        ("intel_pstate/no_turbo", "0", "on"),
        ("cpufreq/boost", "0", "off"),
        ("cpufreq/boost", "1", "on"),
    ],
)
def test_turbo_is_told_for_both_kinds_of_driver(ask, tree, file, text, word):
    tree.write(f"sys/devices/system/cpu/{file}", text)
    assert f"clocks are {word}" in ask("turbo").message


def test_hardware_threads_warn_only_when_more_cpus_are_usable_than_cores(ask, tree):
    tree.topology("0,2", "1,3")
    assert ask("smt", count=4).status == "warning"
    assert ask("smt", count=2).status == "ok"


def test_cores_without_hardware_threads_are_ok(ask, tree):
    tree.topology("0", "1")
    assert ask("smt", count=2).status == "ok"


@pytest.mark.parametrize(("quota", "status"), [(None, "ok"), (8.0, "ok"), (2.5, "warning"), (0.5, "warning")])
def test_a_quota_below_the_machine_warns(ask, quota, status):
    answer = ask("quota", logical=4, quota=quota)
    assert answer.status == status
    assert bool(answer.cure) == (status == "warning")


@pytest.mark.parametrize(("steal", "status"), [(0, "ok"), (9, "ok"), (11, "warning")])
def test_more_than_a_percent_of_stolen_time_warns(ask, tree, steal, status):
    tree.write("proc/stat", f"cpu  {500 - steal} 0 200 300 0 0 0 {steal} 99999 0\ncpu0 1 2 3\n")
    assert ask("steal").status == status


@pytest.mark.parametrize("text", ["", "cpu", "cpu 1 2 3", "cpu 0 0 0 0 0 0 0 0 0 0", "cpu a b c d e f g h"])
def test_odd_statistics_are_unknown(ask, tree, text):
    tree.write("proc/stat", text)
    assert ask("steal").status == "unknown"


@pytest.mark.parametrize(("kib", "status"), [(8 << 20, "ok"), (1 << 20, "ok"), (1 << 19, "warning")])
def test_less_than_a_gibibyte_of_memory_warns(ask, tree, kib, status):
    tree.write("proc/meminfo", f"MemTotal:       16000000 kB\nMemAvailable:   {kib} kB\n")
    assert ask("memory").status == status


def test_a_virtual_machine_is_told_by_the_hypervisor_flag_or_the_vendor(ask, tree):
    tree.write("proc/cpuinfo", CPUINFO_VIRTUAL)
    assert "a virtual machine" in ask("virtual").message
    tree.write("proc/cpuinfo", "flags : fpu avx2\n")
    assert ask("virtual").message == "no virtual machine"
    tree.write("sys/class/dmi/id/sys_vendor", "QEMU\n")
    assert "a virtual machine" in ask("virtual").message


@pytest.mark.parametrize(
    ("source", "status"), [("tsc", "ok"), ("kvm-clock", "ok"), ("hpet", "warning"), ("acpi_pm", "warning")]
)
def test_a_slow_clock_source_warns(ask, tree, source, status):
    tree.write("sys/devices/system/clocksource/clocksource0/current_clocksource", source + "\n")
    assert ask("clock").status == status


def test_a_coarse_clock_warns(ask, monkeypatch):
    info = checks.time.get_clock_info("perf_counter")
    info.resolution = 1e-3
    monkeypatch.setattr(checks.time, "get_clock_info", lambda name: info)
    assert ask("clock").status == "warning"


def test_variables_that_set_threads_warn_with_their_values_and_no_others_are_told(ask):
    answer = ask("thread variables", environ={"OMP_NUM_THREADS": "3", "OMP_WAIT_POLICY": "passive", "SECRET": "s3cret"})
    assert answer.status == "warning"
    assert "OMP_NUM_THREADS=3, OMP_WAIT_POLICY=passive" in answer.message
    assert "s3cret" not in answer.message + answer.cure
    assert ask("thread variables", environ={"OMP_NUM_THREADS": "", "HOME": "/home/x"}).status == "ok"
