"""docs/reliability.md: the table of the last fault run, ``make test-faults``."""

from __future__ import annotations

import subprocess
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

from pages.shared import ROOT

REPORT = ROOT / "build/faults.xml"
SENTENCES = {
    "segfault": "SIGSEGV",
    "abort": "SIGABRT",
    "exit": "exits behind Python's back",
    "kill": "kills itself by SIGKILL",
    "terminate": "SIGTERM",
    "illegal": "SIGILL",
    "raise": "an exception",
    "raise_unpicklable": "an exception that cannot be pickled",
    "system_exit": "SystemExit",
    "interrupt": "KeyboardInterrupt",
    "recursion": "recursion without end",
    "memory": "asks for more memory than there is",
    "loop": "a loop without end in Python",
    "loop_in_c": "a loop without end in C that holds the GIL",
    "deadlock": "a lock taken twice",
    "sleep": "sleeps for ever",
    "stop": "stops itself by SIGSTOP",
    "close_files": "closes all files, its pipe to us among them",
    "unpicklable": "a partial result that cannot be pickled",
    "poison": "a partial result that raises when unpickled",
    "flood": "prints 20 MB",
    "leave_a_process": "starts a process in a session of its own and leaves it",
}


SENT = {"pickle": "cannot be pickled", "unpickle": "cannot be unpickled"}
BY_KIND = {  # tests whose first parameter is a kind of fault, and what to call them
    "test_a_fault_is_told_and_the_rest_goes_on": ("worker: {}", SENTENCES),
    "test_a_kernel_that_fails_while_it_is_imported_fails_alone": ("import of the kernel: {}", SENTENCES),
    "test_what_cannot_be_sent_to_a_worker_fails_its_case": ("job: {}", SENT),
    "test_a_process_that_fails_while_it_starts_fails_one_case": ("a process that is starting: {}", SENTENCES),
    "test_one_faulty_case_costs_its_own_row_and_resume_measures_it": ("program, then resumed: {}", SENTENCES),
}
BY_VICTIM = {  # tests with a victim and a signal among their parameters: which of them
    "test_a_process_that_is_killed_or_stopped_fails_one_case_and_leaves_nothing": ("{}", 2, 0),
    "test_a_worker_that_takes_tasks_is_lost_alone": ("worker of {}", 0, 2),
    "test_a_cluster_that_loses_a_part_costs_its_cases_and_no_others": ("{} of a Dask cluster", 0, 1),
}
NOT_INJECTED = ("test_bad_files", "test_bad_words", "test_nothing_runs", "test_reliability_page")  # of files and words
STATIC = ("test_nothing_",)  # claims about sources


def injections(report: Path) -> Iterator[tuple[str, bool, float]]:
    """Yield (group, passed, seconds) of every fault that was injected."""
    for test in ElementTree.parse(report).iter("testcase"):
        name, _, words = test.get("name", "").partition("[")
        module = test.get("classname", "").rpartition(".")[2]
        if test.find("skipped") is not None or module in NOT_INJECTED or name.startswith(STATIC):
            continue
        passed = test.find("failure") is None and test.find("error") is None
        yield group(name, words.rstrip("]")), passed, float(test.get("time", 0))


def group(name: str, words: str) -> str:
    """Say what was injected by a test with such parameters."""
    given = words.split("-")
    if name in BY_KIND:
        form, sentences = BY_KIND[name]
        return form.format(sentences[given[0]])
    if name in BY_VICTIM:
        form, victim, number = BY_VICTIM[name]
        return f"from outside: {form.format(given[victim])} gets {given[number]}"
    return name.removeprefix("test_").replace("_", " ")


def table(report: Path) -> str:
    """Return the table: one row per kind of fault."""
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    longest = total = 0.0
    for what, passed, seconds in injections(report):
        counts[what][0] += 1
        counts[what][1] += passed
        longest, total = max(longest, seconds), total + seconds
    rows = ["| fault | injected | told, survived, nothing left |", "| --- | --- | --- |"]
    rows += [f"| {what} | {tried} | {held} |" for what, (tried, held) in sorted(counts.items())]
    tried, held = (sum(pair[i] for pair in counts.values()) for i in (0, 1))
    rows.append(f"| **all** | **{tried}** | **{held}** |")
    return "\n".join([*rows, "", f"One after the other {total / 60:.0f} minutes, the longest {longest:.0f} s."])


def measure(_part: str) -> None:
    """Inject all faults; what fails is in the table."""
    subprocess.run(["make", "test-faults"], cwd=ROOT, check=False)


def section(_name: str) -> str:
    """Return the table of the last run."""
    if not REPORT.is_file():
        raise SystemExit("build/faults.xml is missing: run make test-faults")
    return table(REPORT)
