"""What one thread pays for an interpreter, from blocks with known times."""

from __future__ import annotations

import pytest

from tests.analysis.synthetic import documented, record, result, row, spin

SERIAL = "primes/{}@serial#M~c{}!{}"


def priced(slots: dict[str, float], *labels: str) -> dict[tuple[str, str], float]:
    document = documented(result({"primes": slots}, study={"precision": 0.05, "interpreters": list(labels)}))
    return {
        (entry["interpreter"], entry["versus"]): pytest.approx(entry["time_ratio"]["value"])
        for entry in document["prices"]
    }


def test_each_is_compared_with_the_first_and_the_build_without_gil_with_itself() -> None:
    slots = {SERIAL.format("cy_gil", 8, name): s for name, s in (("3.11", 0.4), ("3.13t", 0.3), ("3.13t+gil", 0.2))}
    assert priced(slots, "3.11", "3.13t", "3.13t+gil") == {
        ("3.13t", "3.11"): 0.75,
        ("3.13t+gil", "3.11"): 0.5,
        ("3.13t", "3.13t+gil"): 1.5,
    }


def test_a_pair_stands_there_once() -> None:
    slots = {SERIAL.format("cy_gil", 8, name): s for name, s in (("3.13t", 0.3), ("3.13t+gil", 0.2))}
    assert priced(slots, "3.13t", "3.13t+gil") == {("3.13t", "3.13t+gil"): 1.5}


def test_a_single_interpreter_has_no_price() -> None:
    assert priced({SERIAL.format("cy_gil", 8, "3.13t"): 0.3}, "3.13t") == {}
    assert priced({"primes/cy_gil@serial#M~c8": 0.3}) == {}


def test_of_serial_times_that_differ_in_chunks_one_counts() -> None:
    slots = {SERIAL.format("cy_gil", chunks, name): s for chunks, (name, s) in ((8, ("3.11", 0.2)), (8, ("3.12", 0.3)))}
    slots |= {SERIAL.format("cy_gil", 16, name): s for name, s in (("3.11", 0.2), ("3.12", 9.0))}
    assert priced(slots, "3.11", "3.12") == {("3.12", "3.11"): 1.5}


def test_drift_of_the_machine_cancels() -> None:
    slots = {
        SERIAL.format("cy_gil", 8, "3.11"): lambda block: 0.1 * 1.3**block,
        SERIAL.format("cy_gil", 8, "3.12"): lambda block: 0.2 * 1.3**block,
    }
    document = documented(result({"primes": slots}, study={"precision": 0.05, "interpreters": ["3.11", "3.12"]}))
    ratio = document["prices"][0]["time_ratio"]
    assert (ratio["low"], ratio["high"]) == (pytest.approx(2.0), pytest.approx(2.0))


def test_speedups_stay_within_an_interpreter() -> None:
    slots = {
        SERIAL.format("cy_gil", 8, "3.11"): 0.2,
        SERIAL.format("cy_gil", 8, "3.13t"): 0.4,
        "primes/cy_gil@threads*2#M!3.11": 0.2,
        "primes/cy_gil@threads*2#M!3.13t": 0.2,
        **spin(2),
    }
    document = documented(result({"primes": slots}))
    assert row(document, "primes/cy_gil@threads*2#M!3.11")["speedup"]["value"] == pytest.approx(1.0)
    assert row(document, "primes/cy_gil@threads*2#M!3.13t")["speedup"]["value"] == pytest.approx(2.0)


def test_the_row_says_what_the_workers_read_and_not_what_the_name_promises() -> None:
    name = "primes/cy_gil@serial#M~c8!3.13t"
    reason = "switched on by importing other, which does not declare support for running without it"
    told = record(name, python="3.13.5", gil_enabled=True, gil_reason=reason)
    document = documented(result({"primes": {name: 0.2}}, records=[told]))
    found = row(document, name)
    assert (found["interpreter"], found["python"]) == ("3.13t", "3.13.5")
    assert (found["gil"]["enabled"], found["gil"]["switched_on"]) == (True, reason)


def test_nothing_is_concluded_from_the_running_interpreter() -> None:
    name = "primes/cy_gil@serial#M~c8!3.13t"
    found = row(documented(result({"primes": {name: 0.2}}, records=[record(name)])), name)
    assert found["gil"]["enabled"] is None


def test_isolated_copies_of_one_interpreter_say_nothing_about_another() -> None:
    slots = {SERIAL.format("py_loop", 8, label): 0.2 for label in ("3.13t", "3.13t+gil")}
    slots |= {f"primes/py_loop@threads*2#M!{label}": 0.15 for label in ("3.13t", "3.13t+gil")}
    slots |= {"isolated:primes/py_loop@threads*2#M!3.13t": 0.1, **spin(2)}
    document = documented(result({"primes": slots}))
    without, with_gil = (
        row(document, f"primes/py_loop@threads*2#M!{label}")["ceiling"] for label in ("3.13t", "3.13t+gil")
    )
    assert without["isolated"]["value"] == pytest.approx(2.0)
    assert with_gil["isolated"] is None
    assert with_gil["spin"]["value"] == pytest.approx(2.0)
