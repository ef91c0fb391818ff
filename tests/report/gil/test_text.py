"""The report of a program's GIL: what it claims, and that it can be read."""

from __future__ import annotations

import dataclasses
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from pages import gil as gil_page

from gilscope.analysis.program import ProcessReport, ProgramReport
from gilscope.report.gil import judge, program_report, render_gil, strip
from gilscope.report.gil.sources import Sources
from gilscope.telemetry.blame import short_names
from gilscope.telemetry.latency import Latency
from gilscope.telemetry.program import ProgramRun
from gilscope.telemetry.reading import GilReading, GilReport
from gilscope.telemetry.stacks import HOLDS, Frame
from tests.made_stacks import server, stacks

DOCS = Path(__file__).resolve().parents[3] / "docs"


def around(value: float, half: float = 0.01) -> dict[str, float]:
    return {"value": value, "low": max(0.0, value - half), "high": value + half, "confidence": 0.95, "n": 1000}


def seen(level: float, waiting: float | None = 0.0, overdue: float | None = 0.0, **more: Any) -> GilReport:
    """What the probe would say of a program with these levels all the time."""
    levels = {"held": [level] * 100, "waiting": [waiting] * 100, "handovers_per_s": [200.0] * 100}
    facts = {
        "available": True,
        "reason": "",
        "enabled": True,
        "free_threaded_build": False,
        "switched_on": "",
        "waiting_reason": "" if waiting is not None else "no waiters here",
        "threads_reason": "",
        "overdue_reason": "" if overdue is not None else "no requests here",
        "window_s": 10.0,
        "samples": 1000,
        "rate_hz": 100.0,
        "interval_s": 0.01,
        "held": around(level),
        "waiting": None if waiting is None else around(waiting),
        "contended": min(1.0, waiting or 0.0),
        "handovers": 2000,
        "handovers_per_s": 200.0,
        "threads": [thread("MainThread", level / 2), thread("worker", level / 2, overdue or 0.0)],
        "unattributed": 0.0,
        "holds": {
            "turn_s": 0.005,
            "median_s": None,
            "p90_s": None,
            "longest_s": None,
            "resolution_s": 0.01,
            "switch_interval_s": 0.005,
            "overdue": None if overdue is None else around(overdue),
        },
        "timeline": {"bin_s": 0.1, **levels},
        "cost": 0.004,
        "busy": 0.0,
        "late": 0.0,
        **more,
    }
    return GilReport.of(facts)


def thread(name: str, held: float, overdue: float = 0.0) -> dict[str, Any]:
    return {"name": name, "native_id": 1, "held": around(held), "overdue": overdue, "samples": 100}


def unseen(*, enabled: bool, reason: str) -> GilReport:
    return GilReport(available=False, reason=reason, enabled=enabled)


def report(gil: GilReport, *, note: str = "", **more: Any) -> ProgramReport:
    run = ProgramRun(target="a.py", arguments=("-x",), exit_status=3, message="", wall_s=10.0, gil=gil, note=note)
    times = {"cpu_s": 10.0, "children_cpu_s": 0.0, **more}
    return program_report(run, interpreter="CPython 3.13.0", tool_version="1", **times)


VERDICTS = [
    pytest.param(seen(0.99, 1.0), 1.0, "gil_bound", "More threads will not make it faster", id="bound"),
    pytest.param(seen(0.6, 0.5), 1.0, "gil_bound", "part of the time", id="bound at times"),
    pytest.param(seen(0.99, None, None), 1.0, "gil_bound", "GIL-bound: the GIL is held", id="waiting unknown"),
    pytest.param(seen(0.99, 1.0, 0.7), 1.0, "gil_held_in_c", "most of all in 'worker'", id="held in C"),
    pytest.param(seen(0.99), 1.0, "one_thread", "more threads of this kind would gain nothing", id="alone"),
    pytest.param(seen(0.7), 1.0, "partly_held", "no more than 1.41 times this work", id="partly"),
    pytest.param(seen(0.09), 1.9, "released", "Threads can scale: the GIL leaves room for 10.0 times", id="released"),
    pytest.param(seen(0.01), 0.02, "idle", "the GIL is not what holds it up", id="idle"),
    pytest.param(seen(0.01), 1.9, "released", "Threads can scale", id="computing without it is not idle"),
    pytest.param(seen(0.5, held=around(0.5, 0.2)), 1.0, "cannot_tell", "between 30 and 70 %", id="too short"),
    pytest.param(unseen(enabled=False, reason="no GIL: in parallel"), 1.9, "no_gil", "There is no GIL", id="no GIL"),
    pytest.param(unseen(enabled=True, reason="wrong build"), 1.0, "unavailable", "wrong build", id="no probe"),
]


@pytest.mark.parametrize(("gil", "cpus", "code", "says"), VERDICTS)
def test_the_numbers_decide_the_verdict(gil: GilReport, cpus: float, code: str, says: str) -> None:
    verdict = judge(gil, cpus_busy=cpus)
    assert verdict.code == code
    assert says in verdict.sentence


@pytest.mark.parametrize("waiting", [0.09, 0.105])
def test_waiting_that_is_not_certain_is_no_accusation(waiting: float) -> None:
    assert judge(seen(0.7, waiting), cpus_busy=1.0).code == "partly_held"


def test_a_request_now_and_then_unanswered_does_not_blame_c_code() -> None:
    assert judge(seen(0.99, 1.0, 0.1), cpus_busy=1.0).code == "gil_bound"


def test_a_holder_that_was_kept_off_the_cpu_is_not_blamed_for_c_code() -> None:
    assert judge(seen(0.9, 1.0, 0.3, busy=1.0), cpus_busy=0.45).code == "gil_bound"
    assert judge(seen(0.9, 1.0, 0.7, busy=1.0), cpus_busy=0.8).code == "gil_held_in_c"


def test_c_code_that_sleeps_with_the_gil_is_blamed_where_there_are_cpus_to_spare() -> None:
    assert judge(seen(0.9, 1.0, 0.9, busy=0.0), cpus_busy=0.01).code == "gil_held_in_c"


@pytest.mark.parametrize(("overdue", "perhaps"), [(0.02, False), (0.1, True), (0.3, True)])
def test_c_code_is_left_open_where_the_interval_has_its_threshold_or_the_holder_had_no_cpu(
    overdue: float, perhaps: bool
) -> None:
    verdict = judge(seen(0.9, 1.0, overdue, busy=1.0), cpus_busy=0.45)
    assert verdict.code == "gil_bound"
    assert ("It may be C code that keeps it" in verdict.sentence) is perhaps


@pytest.mark.parametrize(
    ("gil", "cpus", "says"),
    [
        (seen(0.92, 1.0, busy=1.0), 0.37, "other programs took the CPUs: for 60 % of the held time"),
        (seen(0.92, 1.0), 0.37, "CPU quotas"),
        (seen(0.15), 0.16, "Measure it under load"),
        (seen(0.92, 1.0, busy=1.0), 0.9, ""),
        (seen(0.3), 1.5, ""),
        (seen(0.01), 0.02, ""),
    ],
)
def test_numbers_that_the_machine_or_the_load_decided_come_with_a_caution(
    gil: GilReport, cpus: float, says: str
) -> None:
    sentence = judge(gil, cpus_busy=cpus).sentence
    assert says in sentence
    assert ("Caution" in sentence) is bool(says)


def test_what_the_thread_of_latency_adds_is_said() -> None:
    gil = dataclasses.replace(seen(0.99, 1.0), latency=Latency(samples=40, switch_interval_s=0.005, reason="too few"))
    text = " ".join(render_gil(report(gil)).split())
    assert "up to 80 by the thread of --latency" in text
    assert "a column, with the thread of --latency" in text
    assert "--latency" not in render_gil(report(seen(0.99, 1.0)))


def test_the_verdict_is_in_the_first_lines() -> None:
    lines = render_gil(report(seen(0.99, 1.0))).splitlines()
    assert next(number for number, line in enumerate(lines) if line.startswith("verdict")) < 5


def test_whoever_switched_the_gil_on_is_named_with_the_cure() -> None:
    by = "switched on by importing old_ext, which does not declare support for running without it"
    verdict = judge(seen(0.99, 1.0, switched_on=by), cpus_busy=1.0)
    assert verdict.sentence.startswith(f"This free-threaded build runs with the GIL, {by}.")
    assert verdict.cure.startswith("update that module")


def test_a_user_who_asked_for_the_gil_is_not_told_to_update() -> None:
    verdict = judge(seen(0.99, 1.0, switched_on="switched on by PYTHON_GIL=1 or -X gil=1"), cpus_busy=1.0)
    assert "update that module" not in verdict.cure


REPORTS = [param.values[0] for param in VERDICTS]


@pytest.mark.parametrize("gil", REPORTS)
@pytest.mark.parametrize("unicode", [True, False])
def test_every_report_fits_80_columns_without_colour(gil: GilReport, unicode: bool) -> None:
    text = render_gil(report(gil), unicode=unicode)
    assert max(map(len, text.splitlines())) <= 80
    assert "\x1b" not in text


def test_what_could_not_be_done_is_in_the_report_and_its_json() -> None:
    noted, silent = report(REPORTS[0], note="threads were not waited for"), report(REPORTS[0])
    assert "\nnote        threads were not waited for\n" in render_gil(noted)
    assert ProgramReport.of(json.loads(json.dumps(noted.to_json()))) == noted
    assert "note" not in silent.to_json()


def test_every_report_is_json_and_read_again() -> None:
    for gil in REPORTS:
        stored = json.dumps(report(gil).to_json(), allow_nan=False)
        assert ProgramReport.of(json.loads(stored)) == report(gil)


def test_numbers_come_with_their_intervals() -> None:
    text = render_gil(report(seen(0.6, 0.5)))
    assert re.search(r"held +60 ±1% of the time", text)
    assert re.search(r"waiting +0\.50 \[0\.49, 0\.51\] threads", text)
    assert re.search(r"worker +30 ±1%", text)
    assert "exit status 3" in text


def test_what_is_not_measured_is_said_with_the_reason() -> None:
    text = render_gil(report(seen(0.9, None, None, threads=[], threads_reason="no names here")))
    for reason in ("no waiters here", "no requests here", "no names here"):
        assert f"n/a: {reason}" in text


def test_busy_child_processes_are_mentioned() -> None:
    assert "child processes" in render_gil(report(seen(0.01), cpu_s=0.1, children_cpu_s=15.0))
    assert "child processes" not in render_gil(report(seen(0.01)))


def reading(gil: GilReport) -> GilReading:
    assert gil.reading is not None
    return gil.reading


def drawn(gil: GilReport, row: str, **how: Any) -> str:
    found = re.search(rf"^{row} +(\S.*)$", strip(reading(gil), **how), re.MULTILINE)
    assert found is not None
    return found[1]


def test_the_strip_shows_when_it_was_held() -> None:
    levels = {"held": [0.0] * 50 + [1.0] * 50, "waiting": [0.0] * 50 + [2.0] * 50, "handovers_per_s": [0, 250.0] * 50}
    gil = seen(0.5, timeline={"bin_s": 0.1, **levels})
    assert drawn(gil, "held") == "." * 34 + "█" * 34
    assert drawn(gil, "held", unicode=False) == "." * 34 + "9" * 34
    assert drawn(gil, "waiting") == "." * 34 + "2" * 34


def test_a_short_run_gets_fewer_columns_instead_of_gaps() -> None:
    assert len(drawn(seen(1.0, samples=30), "held")) == 10


def test_moments_without_a_look_are_gaps() -> None:
    levels = {"held": [1.0, None, 1.0], "waiting": [0.0, None, 0.0], "handovers_per_s": [1.0, None, 1e12]}
    gil = seen(1.0, timeline={"bin_s": 0.1, **levels})
    assert (drawn(gil, "held"), drawn(gil, "hand-offs")) == ("█ █", "0 9")


def test_many_threads_are_summed_up_below_the_table() -> None:
    text = render_gil(report(seen(0.9, threads=[thread(f"pool-{i}", 0.03) for i in range(30)])))
    assert "and 18 more threads: 54% together" in text


def test_a_thread_name_cannot_command_the_terminal() -> None:
    text = render_gil(report(seen(0.9, threads=[thread("\x1b[2J" + "x" * 200, 0.9)])))
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= 80


def test_the_examples_say_what_they_are_there_to_show() -> None:
    verdicts = {mode: json.loads(gil_page.report(mode).read_text())["verdict"]["code"] for mode in gil_page.MODES}
    assert verdicts == {"count": "gil_bound", "hash": "released"}


def test_the_docs_name_every_verdict() -> None:
    named = set(re.findall(r"^\| `(\w+)` \|", (DOCS / "gil.md").read_text(encoding="utf-8"), re.MULTILINE))
    assert {param.values[2] for param in VERDICTS} == named


# By line --------------------------------------------------------------------------------------------------------------


def blamed(gil: GilReport, **more: Any) -> GilReport:
    return dataclasses.replace(gil, **{"stacks": server(), **more})


def text_of(gil: GilReport) -> str:
    return render_gil(report(gil), sources=Sources(Path("/nowhere")))


def test_the_verdict_names_the_line_with_most_of_the_blame() -> None:
    sentence = judge(blamed(seen(0.99, 1.5)), cpus_busy=1.0).sentence
    assert sentence.endswith(" The GIL is held by json.loads called at server.py:7, 88 % of the blame.")
    assert "held by" not in judge(blamed(seen(0.3)), cpus_busy=1.9).sentence


def test_lines_come_with_their_figures_and_where_they_are() -> None:
    text = text_of(blamed(seen(0.99, 1.5)))
    assert " 1.42    50%  server.py:7 in Handler.do_POST, calling json.loads\n" in text
    assert " 0.20    10%  server.py:12 in Handler.do_GET\n" in text
    assert " 0.72   0.00  server.py:7 in Handler.do_POST, calling json.loads\n" in text
    assert " 0.00   1.00  server.py:30 in <module>, calling threading.Thread.join\n" in text
    assert "mean number of threads that wait while" in " ".join(text.split())
    assert "stacks      322 read, 3 more (0.9 %) dropped: they changed while they were read." in text


def test_lines_come_with_their_source(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("# one\nif x:\n    work(1)\n", encoding="utf-8")
    frame = Frame(file="a.py", function="f", line=3)
    gil = blamed(seen(0.99, 1.0), stacks=stacks((HOLDS, (frame,), 5.0, 5.0)))
    text = render_gil(report(gil), sources=Sources(tmp_path))
    assert " 0.50    50%  a.py:3 in f\n                work(1)\n" in text


def test_source_is_read_safely(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.py")
    (tmp_path / "latin.py").write_bytes(b"x = '\xe9'\n")
    (tmp_path / "short.py").write_text("x = 1\n", encoding="utf-8")
    sources = Sources(tmp_path)
    for file in ("pipe.py", "latin.py", "missing.py", "<string>", "short.py", "\0"):
        assert sources.line(file, 2) == ""
    assert sources.line("short.py", None) == ""
    assert sources.line("short.py", 1) == "x = 1"


def test_files_of_the_same_name_are_told_apart() -> None:
    files = ("/a/x/views.py", "/a/y/views.py", "/a/x/__init__.py", "/a/main.py", "<string>")
    assert list(short_names(files).values()) == ["x/views.py", "y/views.py", "x/__init__.py", "main.py", "<string>"]
    assert list(short_names(["/views.py", "/a/views.py"]).values()) == ["/views.py", "a/views.py"]


LINES = [
    blamed(seen(0.99, 1.0)),
    blamed(seen(0.99, 1.0), stacks=stacks()),
    blamed(seen(0.99, 1.0), stacks=stacks((HOLDS, [Frame(file="x" * 90, function="y" * 90, line=None)], 1.0, 1.0))),
    blamed(
        seen(0.99, 1.0), stacks=stacks(*((HOLDS, [Frame(file="a", function="f", line=n)], 1, 1) for n in range(30)))
    ),
    blamed(seen(0.99, 1.0), stacks=None, stacks_reason="this interpreter's frames cannot be read"),
    blamed(unseen(enabled=False, reason="no GIL")),
]


@pytest.mark.parametrize("gil", LINES)
def test_every_report_with_lines_fits_80_columns_and_is_read_again(gil: GilReport) -> None:
    assert max(map(len, text_of(gil).splitlines())) <= 80
    stored = json.dumps(report(gil).to_json(), allow_nan=False)
    assert ProgramReport.of(json.loads(stored)) == report(gil)


def test_what_is_not_known_of_lines_is_said() -> None:
    assert "lines       n/a: this interpreter's frames cannot be read" in text_of(LINES[4])
    assert "no stack of a thread that held the GIL was read" in text_of(LINES[1])
    assert "and 20 more lines: blame 2.00 together" in text_of(LINES[3])
    assert "lines" not in render_gil(report(seen(0.9)))


def test_children_are_a_table_and_are_read_again() -> None:
    gil = blamed(seen(0.99, 1.5))
    child = ProcessReport(pid=7, command="python w.py", wall_s=2.0, cpu_s=1.0, gil=gil, verdict=judge(gil, cpus_busy=1))
    made = dataclasses.replace(report(seen(0.1)), children=(child,), pid=6, exit_status=None)
    text = render_gil(made)
    assert re.search(r"^ +7 +99 ±1% +1.50 +0.50  python w.py$", text, re.MULTILINE)
    assert "gil_bound, held by json.loads called at server.py:7, 88 % of the blame\n" in text
    assert "watched     10.0 s, process 6, CPython" in text
    assert ProgramReport.of(json.loads(json.dumps(made.to_json()))) == made


def _names(document: Any) -> set[str]:
    """Return all keys of a document."""
    if isinstance(document, dict):
        return set(document).union(*map(_names, document.values()))
    return set().union(*map(_names, document)) if isinstance(document, list) else set()


def test_the_docs_name_every_key_about_lines_and_processes() -> None:
    gil = blamed(seen(0.99, 1.5), stacks_reason="x")
    child = ProcessReport(pid=7, command="w", wall_s=2.0, cpu_s=1.0, gil=gil, verdict=judge(gil, cpus_busy=1))
    more = dataclasses.replace(report(gil, note="x"), children=(child,), pid=6)
    found, known = (_names(json.loads(json.dumps(each.to_json()))) for each in (more, report(seen(0.99, 1.5))))
    new = found - known
    described = set(re.findall(r"`(\w+)`", (DOCS / "gil.md").read_text(encoding="utf-8")))
    assert {"lines", "callee", "blame_s", "children"} <= new
    assert new - described == set()
