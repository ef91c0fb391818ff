"""What goes into a result about machine, interpreter and libraries, and what does not."""

from __future__ import annotations

import datetime
import getpass
import json
import os
import platform
import subprocess
import sys

import pytest

from gilscope.env import capture, interpreter, libraries, machine
from gilscope.env.files import cpu_folders, parse_cpu_list


def test_the_environment_is_plain_json_with_all_its_parts():
    facts = capture()
    parts = ["machine", "cpus", "interpreter", "libraries", "checks", "started_utc"]
    assert [part for part in facts if part != "commit"] == parts  # a commit only within a repository
    assert json.loads(json.dumps(facts, allow_nan=False)) == facts
    assert facts["cpus"]["count"] >= 1
    assert datetime.datetime.fromisoformat(facts["started_utc"]).utcoffset() == datetime.timedelta(0)


def test_the_environment_names_neither_host_nor_user(monkeypatch):
    """Replace what identifies host and user by words that occur nowhere else, then look for them."""
    monkeypatch.setattr("socket.gethostname", lambda: "zebrahost")
    monkeypatch.setattr("platform.node", lambda: "zebrahost")
    monkeypatch.setattr("os.path.expanduser", lambda path: path.replace("~", "/home/zebrauser"))
    monkeypatch.setattr(sys, "executable", "/home/zebrauser/venv/bin/python")
    environ = {"USER": "zebrauser", "HOME": "/home/zebrauser", "HOSTNAME": "zebrahost", "TOKEN": "zebra"}
    text = json.dumps(capture(environ=environ))
    assert "zebra" not in text
    assert "~/venv/bin/python" in text


def test_this_host_and_user_are_not_in_the_environment():
    facts = capture()
    strings = set(json.dumps(facts).replace("/", '"').split('"'))
    host, user = platform.node(), getpass.getuser()
    assert host not in strings
    assert user == "root" or user not in strings


def test_an_empty_tree_gives_a_complete_environment(tree):
    facts = capture(tree.root, {})
    assert facts["machine"]["cpu_model"] is None
    assert facts["machine"]["memory_bytes"] is None
    assert facts["machine"]["caches_bytes"] == {}


def test_machine_facts_come_from_the_tree(tree):
    tree.write("proc/cpuinfo", "processor\t: 0\nmodel name\t: Fast CPU @ 3 GHz\nflags\t: fpu\n")
    tree.write("proc/meminfo", "MemTotal:       2048 kB\n")
    for index, (level, kind, size) in enumerate([(1, "Data", "48K"), (1, "Instruction", "32K"), (2, "Unified", "2M")]):
        folder = f"sys/devices/system/cpu/cpu0/cache/index{index}"
        tree.write(f"{folder}/level", f"{level}\n").write(f"{folder}/type", kind + "\n").write(f"{folder}/size", size)
    facts = machine.describe(tree.root)
    assert facts["cpu_model"] == "Fast CPU @ 3 GHz"
    assert facts["memory_bytes"] == 2048 * 1024
    assert facts["caches_bytes"] == {"L1d": 48 << 10, "L2": 2 << 20}
    assert facts["virtual"] is False


@pytest.mark.parametrize(
    ("version", "free_threaded", "gil", "label"),
    [((3, 11), False, True, "3.11"), ((3, 13), True, False, "3.13t"), ((3, 13), True, True, "3.13t+gil")],
)
def test_the_label_tells_build_and_gil(version, free_threaded, gil, label):
    assert interpreter.interpreter_label(version, free_threaded=free_threaded, gil=gil) == label


def test_the_running_interpreter_is_described():
    facts = interpreter.describe()
    assert facts["label"].startswith(f"{sys.version_info[0]}.{sys.version_info[1]}")
    assert facts["version"] == platform.python_version()
    assert facts["gil_enabled"] or facts["free_threaded"]


def test_versions_are_those_of_the_installed_libraries():
    import numpy

    facts = libraries.describe()
    assert facts["numpy"] == numpy.__version__
    assert set(libraries.LIBRARIES) < set(facts)


def test_a_library_that_is_not_installed_has_no_version(monkeypatch):
    monkeypatch.setattr(libraries, "LIBRARIES", ("no-such-distribution-xyz",))
    assert libraries.describe()["no-such-distribution-xyz"] is None


def test_capturing_imports_no_library():
    code = "import sys; from gilscope.env import capture; capture(); print(*sys.modules)"
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environ)
    assert not {"numpy", "numba", "rich", "typer", "Cython", "dask"} & set(done.stdout.split())


@pytest.mark.parametrize(
    ("text", "cpus"), [("0-3,8", {0, 1, 2, 3, 8}), ("5", {5}), ("", set()), ("a,2-,7\n", {7}), ("1-2, 4", {1, 2, 4})]
)
def test_cpu_lists_are_read_as_the_kernel_writes_them(text, cpus):
    assert parse_cpu_list(text) == cpus


def test_only_numbered_folders_are_cpus(tree):
    for name in ("cpu0", "cpu11", "cpufreq", "cpuidle"):
        tree.write(f"sys/devices/system/cpu/{name}/x", "1")
    assert sorted(cpu_folders(tree.root)) == [0, 11]
