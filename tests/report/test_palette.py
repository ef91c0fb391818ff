"""Colours: readable in both themes, and never the only thing that tells."""

from __future__ import annotations

import itertools
import math
import re

import pytest

from gilscope.core.registry import EXECUTORS
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


# Machado, Oliveira and Fernandes, A Physiologically-based Model for Simulation of Color Vision Deficiency (2009):
# linear RGB as it is seen without the long-wave, or without the medium-wave receptor.
SEEN = {
    "by most": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protanopia": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deuteranopia": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.01182, 0.04294, 0.968881)),
}
APART = 9.0  # CIE 1976 colour difference: 2 can just be noticed side by side, 10 at a glance


def lab(color: str, seen: tuple[tuple[float, ...], ...]) -> tuple[float, float, float]:
    """Return CIE L*a*b* of ``#rrggbb`` as somebody sees it."""
    parts = [int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    red, green, blue = (min(1.0, max(0.0, sum(map(float.__mul__, map(float, row), linear)))) for row in seen)
    x = (0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.95047
    y = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    z = (0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.08883
    fx, fy, fz = (part ** (1 / 3) if part > 0.008856 else 7.787 * part + 16 / 116 for part in (x, y, z))
    return 116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("kind", SEEN)
@pytest.mark.parametrize("group", ["x-", "loss-"])
def test_colours_of_one_chart_stay_apart_for_everybody(theme: str, kind: str, group: str) -> None:
    colors = {name: color for name, color in THEMES[theme].items() if name.startswith(group) and name != "x-other"}
    seen = {name: lab(color, SEEN[kind]) for name, color in colors.items()}
    close = [(a, b) for a, b in itertools.combinations(seen, 2) if math.dist(seen[a], seen[b]) < APART]
    assert close == []
