"""Colours: readable in both themes, and never the only thing that tells."""

from __future__ import annotations

import re

import pytest

from gilscope.registry import EXECUTORS
from gilscope.report.palette import CHART_CSS, EXECUTOR_MARKS, THEMES, contrast, executor_class, resolved

TEXT, SHAPE = 4.5, 3.0  # WCAG 2.2: contrast of text, and of graphics that carry meaning


@pytest.mark.parametrize("theme", THEMES)
def test_words_on_coloured_cells_and_bars_can_be_read(theme: str) -> None:
    colors = THEMES[theme]
    filled = [name for name in colors if name.startswith(("heat-", "loss-"))]
    assert filled
    assert min(contrast(colors[name], colors[f"on-{name}"]) for name in filled) >= TEXT


@pytest.mark.parametrize("theme", THEMES)
def test_text_and_curves_stand_out_from_their_ground(theme: str) -> None:
    colors = THEMES[theme]
    for ground in ("card", "page"):
        assert all(contrast(colors[name], colors[ground]) >= TEXT for name in ("ink", "soft", "accent", "good", "warn"))
    curves = [color for name, color in colors.items() if name.startswith("x-")]
    assert min(contrast(color, colors["card"]) for color in curves) >= SHAPE


def test_every_executor_has_a_colour_and_a_mark() -> None:
    assert set(EXECUTORS) <= set(EXECUTOR_MARKS)
    assert executor_class("threads") == "x-threads"
    assert executor_class("</style>") == "x-other"


@pytest.mark.parametrize("theme", THEMES)
def test_resolved_styles_name_no_variable(theme: str) -> None:
    found = resolved(CHART_CSS + ".a{color:var(--ink,#123)}", theme)
    assert "var(" not in found
    assert re.findall(r"\.a\{color:(.*?)\}", found) == [THEMES[theme]["ink"]]


def test_both_themes_have_the_same_names() -> None:
    assert THEMES["light"].keys() == THEMES["dark"].keys()
