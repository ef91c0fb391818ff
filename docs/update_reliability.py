"""Fill the table of docs/reliability.md from the report of the last fault run, so that no number in it was ever typed.

Run: ``python docs/update_reliability.py build/faults.xml`` after ``make test-faults``.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

from sections import fill

PAGE = Path(__file__).resolve().parent / "reliability.md"
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


def injections(report: Path) -> Iterator[tuple[str, bool, float]]:
    """Yield (group, passed, seconds) of every test that was run."""
    for test in ElementTree.parse(report).iter("testcase"):
        name, _, words = test.get("name", "").partition("[")
        if test.find("skipped") is not None:
            continue
        passed = test.find("failure") is None and test.find("error") is None
        yield _group(name, words.rstrip("]")), passed, float(test.get("time", 0))


def _group(name: str, words: str) -> str:
    if name == "test_a_fault_is_told_and_the_rest_goes_on":
        kind = words.split("-")[0]
        return f"worker: {SENTENCES.get(kind, kind)}"
    if name.startswith("test_a_process_that_is_killed_or_stopped"):
        number, _, victim, _ = words.split("-")
        return f"from outside: {victim} gets {number}"
    if name.startswith("test_killed_at_any_moment"):
        return "program killed by SIGKILL at a random moment, then resumed"
    return name.removeprefix("test_").replace("_", " ")


def table(report: Path) -> str:
    """Return the table: one row per kind of fault."""
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    longest = total = 0.0
    for group, passed, seconds in injections(report):
        counts[group][0] += 1
        counts[group][1] += passed
        longest, total = max(longest, seconds), total + seconds
    rows = ["| fault | injected | told, survived, nothing left |", "| --- | --- | --- |"]
    rows += [f"| {group} | {tried} | {held} |" for group, (tried, held) in sorted(counts.items())]
    tried, held = (sum(pair[i] for pair in counts.values()) for i in (0, 1))
    rows.append(f"| **all** | **{tried}** | **{held}** |")
    return "\n".join([*rows, "", f"Together {total / 60:.0f} minutes, the longest {longest:.0f} s."])


def main(arguments: list[str]) -> int:
    """Write the page; status 2 without a report."""
    if len(arguments) != 1 or not Path(arguments[0]).is_file():
        print("usage: python docs/update_reliability.py build/faults.xml (made by: make test-faults)", file=sys.stderr)
        return 2
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(fill(text, lambda name: table(Path(arguments[0]))), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
