"""How numbers read."""

from __future__ import annotations

import pytest

from gilscope.analysis.gil import GilActivity
from gilscope.analysis.rows import CaseRow
from gilscope.core.cases import Case
from gilscope.report.figures import (
    gain,
    interval,
    narrow,
    percent,
    quotient,
    seconds,
    si,
    spread,
    times,
    unbroken,
)
from gilscope.stats import Estimate


def e(value: float, low: float | None = None, high: float | None = None) -> Estimate:
    """Return an estimate; without ends that of a single block."""
    if low is None or high is None:
        return Estimate(value=value, low=value, high=value, confidence=0.0, n=1)
    return Estimate(value=value, low=low, high=high, confidence=0.95, n=12)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.00"),
        (0.0131, "0.013"),
        (0.976, "0.98"),
        (1.934, "1.93"),
        (41.23, "41.2"),
        (512.4, "512"),
        (-1.5, "-1.50"),
    ],
)
def test_ratios_have_the_digits_that_matter(value: float, text: str) -> None:
    assert narrow(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0 "),
        (8.123e8, "812 M"),
        (1.2e9, "1.20 G"),
        (12.34, "12.3 "),
        (0.035, "35.0 m"),
        (999.6, "1.00 k"),
        (999.96e3, "1.00 M"),
        (999.4e3, "999 k"),
        (4e-7, "400 n"),
        (3e-12, "0.00 n"),
        (5e18, "5000 P"),
    ],
)
def test_large_and_small_numbers_get_their_prefix(value: float, text: str) -> None:
    assert si(value) == text


def test_seconds_carry_their_unit() -> None:
    assert (seconds(1.2), seconds(0.0351), seconds(2e-6)) == ("1.20 s", "35.1 ms", "2.00 us")


def test_an_interval_is_part_of_the_number() -> None:
    assert interval(e(1.934, 1.897, 1.952)) == "1.93 [1.90, 1.95]"
    assert times(e(1.934, 1.897, 1.952)) == "1.93x [1.90, 1.95]"


def test_a_missing_interval_is_said_and_never_invented() -> None:
    assert interval(None) == "-"
    assert interval(e(1.9)) == "1.90 [-]"
    assert spread(e(1.9)) == "±?"
    assert percent(e(0.95)) == "95 ±?%"


def test_one_block_has_no_interval_although_its_extremes_agree() -> None:
    single = e(1.9)
    assert interval(single) == "1.90 [-]"
    assert times(single) == "1.90x (measured once: needs a larger --budget)"


@pytest.mark.parametrize(
    ("estimate", "text"),
    [
        (e(1.0, 0.98, 1.01), "±2%"),
        (e(1.0, 0.9799, 1.0), "±3%"),
        (e(200.0, 199.0, 200.0), "±0.5%"),
        (e(1.0, 1.0, 1.0), "±0.1%"),
        (e(1.0, 0.5, 2.5), "±150%"),
    ],
)
def test_half_widths_are_rounded_up_from_the_longer_side(estimate: Estimate, text: str) -> None:
    assert spread(estimate) == text


def test_percent_gives_points_to_either_side() -> None:
    assert percent(e(0.965, 0.95, 0.97)) == "96 ±2%"


def test_quotients_of_different_blocks_take_the_widest_ends() -> None:
    found = quotient(e(8.0, 6.0, 9.0), e(2.0, 1.5, 3.0))
    assert (found.value, found.low, found.high) == (4.0, 2.0, 6.0)


def test_a_quotient_without_intervals_has_none() -> None:
    found = quotient(e(8.0), e(2.0, 1.5, 3.0))
    assert (found.value, found.has_interval) == (4.0, False)


def test_no_line_may_end_inside_an_interval_and_any_may_elsewhere() -> None:
    assert unbroken("gives 1.93 [1.90, 1.95], so, [see] 2 words").split(" ") == [
        "gives",
        "1.93\u00a0[1.90,\u00a01.95],",
        "so,",
        "[see]",
        "2",
        "words",
    ]


def test_a_speed_up_that_other_programs_changed_is_written_with_the_one_as_timed() -> None:
    def of(net: float | None, timed: float | None) -> str:
        known = [None if value is None else e(value, value - 0.01, value + 0.01) for value in (net, timed)]
        case = Case.parse("triad/cy_nogil@threads*2#M")
        return gain(
            CaseRow(case=case, interpreter="", gil=GilActivity(available=False), net_speedup=known[0], speedup=known[1])
        )

    assert of(1.95, 0.99) == "1.95x [1.94, 1.96] net of other programs (0.99x as timed)"
    assert of(1.99, 1.95) == "1.99x [1.98, 2.00]"
    assert of(None, 1.95) == "1.95x [1.94, 1.96]"
