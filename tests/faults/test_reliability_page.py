"""docs/reliability.md: its table has a name for every fault, and counts every one."""

from __future__ import annotations

import ast
from pathlib import Path

from pages import reliability

from tests import planted
from tests.faults.conftest import LONG

FOLDER = Path(__file__).parent


def claims_of(path: Path) -> set[str]:
    return {
        node.name
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


def test_every_kind_of_fault_has_a_sentence() -> None:
    assert set(reliability.SENTENCES) == set(planted.FAULTS)


def test_every_test_that_is_named_is_there() -> None:
    there = set().union(*(claims_of(path) for path in FOLDER.glob("test_*.py")))
    assert {*reliability.BY_KIND, *reliability.BY_VICTIM, *LONG} <= there
    assert {path.stem for path in FOLDER.glob("test_*.py")} >= set(reliability.NOT_INJECTED)


def test_the_table_counts_by_kind_and_victim(tmp_path: Path) -> None:
    names = {
        "tests.faults.test_in_workers": [
            "test_a_fault_is_told_and_the_rest_goes_on[segfault-threads-round]",
            "test_a_fault_is_told_and_the_rest_goes_on[segfault-processes.fork.shm-verify]",
        ],
        "tests.faults.test_tasks_from_outside": ["test_a_worker_that_takes_tasks_is_lost_alone[loky-w-SIGKILL-round]"],
        "tests.faults.test_bad_files": ["test_that_injects_nothing"],
    }
    cases = [
        f'<testcase classname="{module}" name="{name}" time="30"/>' for module, own in names.items() for name in own
    ]
    failed = '<testcase classname="tests.faults.test_program" name="test_a_disk" time="60"><failure/></testcase>'
    report = tmp_path / "faults.xml"
    report.write_text(f"<testsuites><testsuite>{''.join(cases)}{failed}</testsuite></testsuites>")
    assert reliability.table(report).splitlines()[2:] == [
        "| a disk | 1 | 0 |",
        "| from outside: worker of loky gets SIGKILL | 1 | 1 |",
        "| worker: SIGSEGV | 2 | 2 |",
        "| **all** | **4** | **3** |",
        "",
        "One after the other 2 minutes, the longest 60 s.",
    ]
