"""What is claimed of functions with large temporaries, and how page faults are counted for it."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.selfbench import temporaries, temporary_arrays
from benchmarks.selfbench.temporaries import failures, faults_of_result
from gilscope.core.records import Block, ResultSet, Round


def document(low: float, *codes: str, **more: Any) -> dict[str, Any]:
    speedup = {"low": low, "value": low, "high": low + 0.1}
    row = {"workers": 2, "status": "ok", "executor": "threads", "libraries": "", "case": "m:f/f@threads*2#8"}
    row |= {"findings": list(codes), "net_speedup": None, "speedup": speedup}
    return {"cases": [{**row, "workers": 1, "findings": []}, {**row, **more}]}


def complaints(
    found: dict[str, Any], reported: float | None = 1000.0, least: float = 1000.0, most: float | None = None
) -> list[str]:
    return list(failures(found, reported, (least, least if most is None else most)))


def test_there_are_twenty_and_each_makes_a_result():
    assert len(temporaries.TARGETS) == 20
    assert all(np.size(function()) for function in temporary_arrays.FUNCTIONS)


def test_every_case_on_several_workers_needs_a_finding():
    assert complaints(document(1.9, "scales")) == []
    assert complaints(document(1.9)) == ["threads: no finding"]
    assert complaints(document(1.9, status="unavailable")) == []


def test_a_speedup_beyond_the_workers_must_be_explained():
    assert complaints(document(2.3, "scales")) == ["threads: 2.30 or more, without a word"]
    assert complaints(document(2.3, "superlinear")) == complaints(document(2.3, "page_faults")) == []


def test_page_faults_agree_within_a_twentieth_or_eight():
    fine = document(1.9, "scales")
    assert complaints(fine, 1049.0) == complaints(fine, 8.0, 0.0) == []
    assert complaints(fine, 1051.0) == ["1051 page faults per call, 1,000 in a loop"]
    assert complaints(fine, 9.0, 0.0) == ["9 page faults per call, 0 in a loop"]
    assert complaints(fine, 1500.0, 1000.0, 2000.0) == []
    assert complaints(fine, 940.0, 1000.0, 2000.0) == ["940 page faults per call, 1,000 to 2,000 in a loop"]
    assert complaints(fine, None) == ["no page faults counted"]


def test_kept_memory_must_not_be_certainly_slower():
    slower, open_ = ({"low": 0.8, "value": 0.9, "high": high} for high in (0.95, 1.05))
    assert len(complaints(document(1.9, "scales", kept_memory_speedup=slower))) == 1
    assert complaints(document(1.9, "scales", kept_memory_speedup=open_)) == []


def test_faults_of_a_result_are_those_of_one_call_in_one_thread():
    def block(index: int, faults: int | None) -> Block:
        alone = Round(repeats=5, start_ns=0, end_ns=1, minor_faults=faults)
        other = Round(repeats=5, start_ns=0, end_ns=1, minor_faults=10_000)
        rounds = {"m:f/f@serial#8": alone, "spin:spin/cy_nogil@serial#S": other, "m:f/f@threads*2#8": other}
        return Block(kernel="m:f", index=index, started_ns=0, ended_ns=1, rounds=rounds)

    def result(*faults: int | None) -> ResultSet:
        blocks = tuple(block(index, count) for index, count in enumerate(faults))
        return ResultSet(path="", tool_version="", study={}, environment={}, cases={}, blocks=blocks)

    assert faults_of_result(result(400, 800, 1200)) == 20.0
    assert faults_of_result(result(None)) is None
