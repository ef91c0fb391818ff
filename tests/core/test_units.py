"""Durations and fractions as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gilscope.core.errors import UsageError
from gilscope.core.units import parse_bytes, parse_duration_s, parse_fraction


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("60", 60),
        ("60s", 60),
        ("2m", 120),
        ("1.5min", 90),
        ("500ms", 0.5),
        ("1h", 3600),
        (" 10 s ", 10),
        (".5", 0.5),
        ("+3", 3),
        ("40us", 40e-6),
        ("90ns", 90e-9),
    ],
)
def test_durations_are_read_with_and_without_unit(text, seconds):
    assert parse_duration_s(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "abc", "5 parsecs", "1s2", "s", "1e3", "nan", "inf", "1,5", "--5", "5 %"])
def test_what_is_no_duration_is_refused_with_the_way_to_write_it(text):
    with pytest.raises(UsageError, match=r"budget '.*' is no duration: write it like 60, 60s, 2m or 1h"):
        parse_duration_s(text, what="budget")


@pytest.mark.parametrize("text", ["0", "-5", "-1m", "0.0h"])
def test_a_duration_that_is_not_above_zero_is_refused(text):
    with pytest.raises(UsageError, match="must be above zero"):
        parse_duration_s(text)


def test_a_duration_too_long_for_a_number_is_refused():
    with pytest.raises(UsageError, match="above zero"):
        parse_duration_s("9" * 400)


@pytest.mark.parametrize(("text", "fraction"), [("5%", 0.05), ("0.05", 0.05), ("12.5 %", 0.125), (" 99% ", 0.99)])
def test_fractions_are_read_as_percent_or_as_number(text, fraction):
    assert parse_fraction(text) == pytest.approx(fraction)


@pytest.mark.parametrize("text", ["0", "0%", "1", "100%", "5", "-5%", "250%"])
def test_a_fraction_outside_zero_to_one_is_refused(text):
    with pytest.raises(UsageError, match="between 0 and 100 %"):
        parse_fraction(text)


@pytest.mark.parametrize("text", ["", "%", "five", "5%%", "nan", "5 s"])
def test_what_is_no_fraction_is_refused_with_the_way_to_write_it(text):
    with pytest.raises(UsageError, match=r"precision '.*' is no fraction: write it like 5% or 0\.05"):
        parse_fraction(text, what="precision")


@given(st.text(max_size=10))
def test_any_text_is_read_or_refused(text):
    for parse in (parse_duration_s, parse_fraction):
        try:
            assert parse(text) > 0
        except UsageError:
            continue


@pytest.mark.parametrize(
    ("text", "count"),
    [("1", 1), ("64K", 65536), ("512m", 512 << 20), ("1.5G", 3 << 29), ("2 TiB", 2 << 40), ("4GB", 4 << 30)],
)
def test_bytes_are_read_with_their_prefix(text: str, count: int) -> None:
    assert parse_bytes(text) == count


@pytest.mark.parametrize("text", ["", "0", "-1", "x", "1e3", "4X", "9" * 40, "nan"])
def test_what_is_no_number_of_bytes_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError, match="write it like 512M"):
        parse_bytes(text)
