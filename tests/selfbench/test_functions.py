"""What is right to say of a function, and how what was said is held against it."""

from __future__ import annotations

import functools
import hashlib
import time
from typing import Any

import pytest

from benchmarks.selfbench import functions, known_answers, known_arrays, known_functions
from benchmarks.selfbench.functions import judge
from benchmarks.selfbench.known_answers import KNOWN, held_share, partly_held, plain_speedup, streaming

BY_NAME = {functions.name_of(known): known for known in KNOWN}
SCALES = BY_NAME["hashlib.pbkdf2_hmac"].answer
BYTE_CODE = BY_NAME["copy.deepcopy"].answer


def estimate(low: float, value: float, high: float) -> dict[str, float]:
    return {"low": low, "value": value, "high": high, "blocks": 9}


def document(
    speedup: dict[str, float] | None, *codes: str, anything: bool | None = True, spin: float = 2.0, **nested: Any
) -> dict[str, Any]:
    row = {"workers": 2, "executor": "threads", "libraries": "", "net_speedup": speedup, "speedup": None}
    rows = [{**row, "findings": list(codes)}]
    if nested:
        rows.append({**row, "libraries": "all", **nested})
    control = {"kernel": "spin", "workers": 2, "net_speedup": None, "speedup": estimate(spin, spin, spin)}
    return {"cases": rows, "controls": [control], "verdicts": [{"gains": anything}]}


def test_there_are_thirty_of_the_kinds_that_are_promised():
    kinds = [known.kind for known in KNOWN]
    assert len(KNOWN) == len(BY_NAME) == 30
    assert kinds.count("held partly") >= 8
    assert kinds.count("memory") >= 5
    assert kinds.count("lock") >= 4


def test_every_target_and_setup_of_its_own_exists_and_every_partly_held_one_has_two_parts():
    modules = {module.__name__: module for module in (known_functions, known_arrays)}
    for known in KNOWN:
        for target in (known.words[0], *known.words[2:3] * (known.words[1:2] == ("--setup",))):
            module, _, name = target.partition(":")
            if module.startswith("benchmarks."):
                assert callable(getattr(modules[module], name)), target
        if known.timed == "share":
            module, _, name = known.words[0].partition(":")
            assert len(modules[module].PARTS[name]) == 2


def test_every_answer_has_a_reason():
    assert all(known.why or (known.answer and known.answer.why) for known in KNOWN)


def test_a_mostly_held_gil_is_no_gain_and_a_hardly_held_one_scales():
    most, some, little = partly_held(0.98, ""), partly_held(0.6, ""), partly_held(0.05, "")
    assert (most.gains, some.gains, little.gains) == (False, True, True)
    assert most.findings == some.findings == known_answers.BY_GIL
    assert little.findings == {"scales", "scales_partly"}
    assert (some.low, some.high) == (pytest.approx(1.25), pytest.approx(1 / 0.6))
    assert partly_held(0.8, "").gains is None


def test_what_plain_threads_gain_decides_what_memory_allows():
    assert streaming(1.98, "").findings == {"scales"}
    assert streaming(1.3, "").findings == {"memory_bound", "inflation", "scales_partly"}
    assert (streaming(1.3, "").gains, streaming(1.1, "").gains, streaming(0.9, "").gains) == (True, None, False)


def test_of_a_machine_that_changed_what_was_right_before_or_after_is_right():
    both = streaming(1.98, "adds").until(streaming(1.0, "adds"))
    assert both.findings == {"scales", "memory_bound", "inflation", "scales_partly"}
    assert (both.gains, both.processes) == (None, None)
    assert (both.low, both.high) == (pytest.approx(0.93), 2.0)
    assert both.why == "adds: two plain threads gain 1.98; afterwards: two plain threads gain 1.00"
    assert BYTE_CODE.until(BYTE_CODE) is BYTE_CODE


def test_a_right_answer_is_decided_and_not_wrong():
    given = judge(SCALES, document(estimate(1.9, 1.95, 2.0), "scales"))
    assert (given.decided, given.wrong) == (True, ())
    given = judge(BYTE_CODE, document(estimate(0.9, 0.95, 1.0), "gil_bound"))
    assert (given.decided, given.wrong, given.gains) == (True, (), False)


def test_a_cause_that_is_not_there_is_wrong_and_noise_is_undecided():
    assert judge(SCALES, document(estimate(1.9, 1.95, 2.0), "scales", "lock_bound")).wrong == ("lock_bound",)
    noisy = judge(SCALES, document(estimate(1.0, 1.5, 2.0), "too_noisy"))
    assert (noisy.decided, noisy.wrong) == (False, ())
    assert not judge(SCALES, document(estimate(1.9, 1.95, 2.0), "scales", anything=None)).decided
    assert not judge(SCALES, document(None)).decided
    one_block = {**estimate(1.95, 1.95, 1.95), "blocks": 1}
    assert not judge(SCALES, document(one_block, "scales")).decided


def test_a_gain_that_is_none_is_wrong_and_so_is_one_that_is_denied():
    assert "threads gain" in judge(BYTE_CODE, document(estimate(1.2, 1.3, 1.4), "gil_bound")).wrong
    assert "threads do not gain" in judge(SCALES, document(estimate(0.9, 1.0, 1.05), "scales")).wrong
    assert "nothing gains" in judge(BYTE_CODE, document(estimate(0.9, 0.95, 1.0), "gil_bound", anything=False)).wrong


def test_a_speedup_is_held_against_what_the_machine_gave():
    short = estimate(1.5, 1.55, 1.6)
    assert judge(SCALES, document(short, "scales", spin=1.6)).wrong == ()
    assert judge(SCALES, document(short, "scales", spin=2.0)).wrong == ("speed-up below 2.00",)
    assert judge(BYTE_CODE, document(estimate(1.08, 1.09, 1.1), "gil_bound")).wrong == ("speed-up above 1.00",)


def test_nested_threads_are_not_held_against_the_answer_for_threads():
    found = document(estimate(1.9, 1.95, 2.0), "scales", findings=["nested_parallelism"])
    assert judge(SCALES, found).wrong == ()
    found = document(estimate(1.9, 1.95, 2.0), "scales", findings=["gil_bound"])
    assert judge(SCALES, found).wrong == ("gil_bound of nested threads",)


def test_a_few_undecided_are_allowed_on_a_quiet_machine_and_no_wrong_one_ever(capsys):
    right = judge(SCALES, document(estimate(1.9, 1.95, 2.0), "scales"))
    undecided = judge(SCALES, document(None))
    wrong = judge(SCALES, document(estimate(1.9, 1.95, 2.0), "imbalance"))
    assert functions.holds([right, undecided, undecided], load=False)
    assert not functions.holds([right, *[undecided] * 3], load=False)
    assert functions.holds([right, *[undecided] * 3], load=True)
    assert not functions.holds([right, wrong], load=True)


@pytest.mark.measuring
def test_parts_and_plain_threads_are_timed():
    share = held_share((lambda: time.sleep(0.003), lambda: time.sleep(0.001)), pairs=3)
    assert 0.5 < share < 0.9
    derive = functools.partial(hashlib.pbkdf2_hmac, "sha256", b"key", b"salt")
    gained = plain_speedup(derive, lambda: (20_000,), pairs=9)  # a neighbour on a core slows one pair by up to 1.8
    assert 1.3 < gained < 3.0
