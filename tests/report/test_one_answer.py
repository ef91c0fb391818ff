"""One result has one answer: terminal, page, JSON, notebook, CSV, Python interface and gates cannot disagree."""

from __future__ import annotations

import csv
import dataclasses
import html
import io
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from gilscope import results
from gilscope.analysis import Answer, analyse
from gilscope.analysis.matrix import matrix_of, outcome
from gilscope.analysis.to_json import json_schema, to_json
from gilscope.api import Comparison
from gilscope.core.cases import Case
from gilscope.core.records import CaseRecord, ResultSet, Round
from gilscope.core.spec import Work
from gilscope.report import sentences
from gilscope.report.charts import View
from gilscope.report.export import export
from gilscope.report.figures import NO_BREAK, interval, joined
from gilscope.report.labels import MARKS, label, way
from gilscope.report.page import render as render_page
from gilscope.report.page.texts import texts_of
from gilscope.report.sentences.kernels import NAMED_TIES
from gilscope.report.terminal import render
from gilscope.report.terminal.answer import render_answer
from gilscope.testing import ScalingResult, Undecided
from tests.analysis.causes import PLANTED, SERIALISED
from tests.analysis.rounds import Did, ideal, made_of, probe, study

EXAMPLES = sorted((Path(__file__).parents[2] / "docs" / "examples").glob("*.jsonl"))
THREADS, PROCESSES = "mod:f/f@threads*2#8", "mod:f/f@processes*2#8"
NOT_GIVEN = made_of(Did(cpu=50, rest=45), Did(cpu=50, rest=45))  # what hardly more than one CPU gives


def with_work(result: ResultSet, *more: str, unit: str = "tasks") -> ResultSet:
    """Return a result whose cases, and these, have rates."""
    records = [*result.cases.values(), *(CaseRecord(case=Case.parse(case), repeats=1) for case in more)]
    known = {one.case.id: dataclasses.replace(one, work=Work(units=8, unit=unit)) for one in records}
    return dataclasses.replace(result, cases=known)


def profiled(threads: Round, processes: Round, *, spin: Round | None = None, **more: Any) -> ResultSet:
    """Return the result of one function in threads and processes."""
    made = study(THREADS, threads, spin=spin, beside={PROCESSES: processes}, functions={"f": {"held": 0.0}}, **more)
    return dataclasses.replace(with_work(made, PROCESSES), study={"functions": ["mod:f"]})


OWN: Mapping[str, ResultSet] = {
    "both tie": profiled(ideal(2), ideal(2)),
    "processes are best": profiled(SERIALISED, ideal(2, 1.02), gil=[probe(1.0, 1.0)] * 3),
    "nothing gains": profiled(SERIALISED, SERIALISED, gil=[probe(1.0, 1.0)] * 3),
    "the machine gives nothing": profiled(SERIALISED, SERIALISED, spin=NOT_GIVEN),
    "few blocks": profiled(ideal(2), SERIALISED, blocks=4),
    "one block": profiled(ideal(2), SERIALISED, blocks=1),
}
KERNELS: Mapping[str, ResultSet] = {
    **{code: with_work(make(), unit="steps") for code, make in PLANTED.items()},
    **{path.stem: results.load(path) for path in EXAMPLES},
}
RESULTS = {**OWN, **KERNELS}

every = pytest.mark.parametrize("result", RESULTS.values(), ids=RESULTS)


def has_one_subject(answer: Answer) -> bool:
    """Whether a result is of one kernel, or of one function of the user's, as what ``gilscope.compare`` gives."""
    return len(answer.by_kernel) == 1 and all(len(found.functions) < 2 for found in answer.verdicts)


of_one_kernel = pytest.mark.parametrize(
    "result", [pytest.param(found, id=name) for name, found in RESULTS.items() if has_one_subject(analyse(found))]
)
own = pytest.mark.parametrize("result", OWN.values(), ids=OWN)


def document(answer: Answer) -> dict[str, Any]:
    return to_json(answer, sentences.verdict)


def unwrapped(text: str) -> str:
    return " ".join(text.split())


def test_the_results_cover_what_can_be_decided() -> None:
    found = [entry for result in RESULTS.values() for entry in document(analyse(result))["verdicts"]]
    assert {entry["gains"] for entry in found} == {True, False, None}
    assert {entry["provisional"] for entry in found} == {True, False}
    assert {min(len(entry["best"]), 2) for entry in found} == {0, 1, 2}
    codes = {code for result in RESULTS.values() for row in analyse(result).rows for code in row.codes}
    assert codes == set(json_schema()["$defs"]["finding"]["properties"]["code"]["enum"])


@every
def test_the_terminal_says_the_sentences_of_the_document(result: ResultSet) -> None:
    answer = analyse(result)
    text = unwrapped(render(answer, width=100))
    for entry in document(answer)["verdicts"]:
        said = unwrapped(entry["sentence"])
        if not entry["function"] or len(answer.verdict(entry["kernel"]).functions) == 1:
            assert f"verdict {said}" in text
        assert entry["provisional"] == said.startswith("Provisional")


@every
def test_the_sentence_names_what_the_document_lists(result: ResultSet) -> None:
    answer = analyse(result)
    for entry in document(answer)["verdicts"]:
        said, best = entry["sentence"], [answer.row_of[case] for case in entry["best"]]
        if entry["function"]:
            named = re.findall(r"best with (.*?), \d", said) + re.findall(
                r": ([^:]*?) look best, not certain: \d", said
            )
            named += re.findall(r", tied with (.*?)\.", said)
            assert named == ([way(best[0])] if best else []) + ([joined(map(way, best[1:]))] if best[1:] else [])
            assert (entry["gains"] is True) == bool(best)
            assert (entry["gains"] is False) == ("nothing gains" in said)
        elif len(best) <= NAMED_TIES:
            assert [row for row in best if label(row) not in said] == []
            assert ("is fastest" in said) == (len(best) == 1)


@every
def test_the_terminal_shows_the_findings_of_the_document(result: ResultSet) -> None:
    answer = analyse(result)
    text = render(answer, width=200)
    for row in answer.rows:
        if row.codes and not row.case.is_single:
            name = re.escape(f"{label(row)}*{row.case.workers}")
            lines = re.findall(rf"^{name}!?(?: on \S+)?  .*$", text, re.MULTILINE)
            assert any(line.rstrip().endswith(", ".join(row.codes)) for line in lines), row.case.id


@every
def test_csv_has_the_figures_and_findings_of_the_document(result: ResultSet) -> None:
    answer = analyse(result)
    lines = list(csv.DictReader(io.StringIO(export(result, answer, "csv"))))
    rows = document(answer)["cases"]
    assert [line["case"] for line in lines] == [row["case"] for row in rows]
    for line, row in zip(lines, rows, strict=True):
        assert line["findings"].split() == row["findings"]
        assert line["status"] == row["status"]
        for name in ("rate", "speedup", "relative_efficiency"):
            ends = [line[name], line[f"{name}_low"], line[f"{name}_high"]]
            found = row[name] or {"value": "", "low": "", "high": ""}
            assert ends == [str(found[end]) for end in ("value", "low", "high")]


@every
def test_the_exported_document_is_the_one_that_is_printed(result: ResultSet) -> None:
    answer = analyse(result)
    assert json.loads(export(result, answer, "json")) == json.loads(json.dumps(document(answer)))


@of_one_kernel
def test_the_python_interface_names_the_same_best_way(result: ResultSet) -> None:
    answer = analyse(result)
    found = Comparison(answer, b"")
    entries = document(answer)["verdicts"]
    assert len(entries) > 1 or found.verdict == entries[0]["sentence"]
    best = [entry["best"][0] for entry in entries if entry["best"]]
    assert found.best.case in best if best else found.best.executor == "serial"
    assert list(found.findings) == document(answer)["findings"]
    assert found.to_dict() == document(answer)
    assert {way.case: list(way.findings) for way in found.cases}.items() <= {
        row["case"]: row["findings"] for row in document(answer)["cases"]
    }.items()


@of_one_kernel
def test_a_notebook_shows_the_answer_of_the_terminal(result: ResultSet) -> None:
    answer = analyse(result)
    found = Comparison(answer, b"")
    page = ElementTree.fromstring(found._repr_html_())
    text = render_answer(dataclasses.replace(answer, result="kept in memory; save() writes it"), width=100)
    assert page.text == repr(found) == str(found) == text


@every
def test_the_short_answer_has_the_deciding_speed_ups_and_numbers_of_the_full_tables(result: ResultSet) -> None:
    answer = analyse(result)
    short, full = render_answer(answer, width=300), unwrapped(render(answer, width=300))
    for cells in matrix_of(answer).rows:
        for row in cells.values():
            if row.judged is not None:
                assert f"{interval(row.judged)} {MARKS[outcome(row)].letter} #{answer.numbers[row.case.id]}" in short
                assert interval(row.judged) in full


@every
def test_the_page_shows_the_cells_findings_and_verdicts_of_the_others(result: ResultSet) -> None:
    answer = analyse(result)
    page = render_page([View(answer=answer, measured=result)])
    texts = texts_of(View(answer, measured=result))
    store = texts["store"]
    table = {column[0]: store[column[3]] for column in texts["columns"]}
    rows = document(answer)["cases"]
    assert store[texts["ids"]] == [row["case"] for row in rows]
    assert table["finding"] == [", ".join(row["findings"]) or "-" for row in rows]
    assert table["speed-up"] == [interval(row.speedup) for row in answer.rows]
    assert {number: [code for code, _ in seen] for number, seen in texts["seen"].items()} == {
        number: row["findings"] for number, row in enumerate(rows) if row["findings"]
    }
    shown = unwrapped(html.unescape(page)).replace(NO_BREAK, " ")
    for kernel in answer.by_kernel:
        assert unwrapped(sentences.closing(answer, kernel)) in shown
    for cells in matrix_of(answer).rows:
        for row in cells.values():
            if row.judged is not None:
                value, _, ends = interval(row.judged).partition(" ")
                assert f"<b>{value} {MARKS[outcome(row)].letter}</b><small>{ends}</small>" in page.replace(
                    NO_BREAK, " "
                )


@own
def test_a_gate_on_a_gain_decides_as_the_verdict_does(result: ResultSet) -> None:
    answer = analyse(result)
    decisions: list[Mapping[str, Any]] = []
    entries = {}
    for executor, case in (("threads", THREADS), ("processes", PROCESSES)):
        gate = ScalingResult(
            func=len, args=(), kwargs={}, executor=executor, _result=result, _answer=answer, report=decisions.append
        )
        try:
            gate.require(speedup=1.1)
        except (AssertionError, Undecided):
            pass
        entries[case] = decisions[-1]
    (verdict,) = document(answer)["verdicts"]
    outcomes = {case: entry["outcome"] for case, entry in entries.items()}
    if verdict["provisional"] or verdict["gains"] is None:
        assert set(outcomes.values()) == {"open"}
    elif verdict["gains"]:
        assert {case for case, outcome in outcomes.items() if outcome == "passed"} >= set(verdict["best"])
    else:
        assert set(outcomes.values()) == {"failed"}
    for case, entry in entries.items():
        (row,) = [row for row in document(answer)["cases"] if row["case"] == case]
        assert {name: entry[name] for name in ("case", "findings", "speedup")} == {
            name: row[name] for name in ("case", "findings", "speedup")
        }
