"""Colours of charts and timelines, light and dark, and the styles of the charts.

Executors and losses have colours like those of Okabe and Ito (*Color Universal Design*, 2008), changed in lightness
until all pairs differ for the common kinds of colour-blindness, as a test shows. No chart relies on colour alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial

from gilscope.core.trace import Category

_EXECUTORS = {  # name: (light, dark, marker)
    "serial": ("#7d8590", "#828b9a", "circle"),
    "threads": ("#0072b2", "#3d96d9", "circle"),
    "processes": ("#d55e00", "#f2853f", "square"),
    "interpreters": ("#00835f", "#38cf9c", "triangle"),
    "native": ("#8c1f6a", "#f0a6d4", "diamond"),
    "dask": ("#4a97d9", "#a9defc", "cross"),
    "loky": ("#7a5200", "#f5d060", "down"),
    "other": ("#4b5563", "#cbd2dd", "cross"),
}
EXECUTOR_MARKS: Mapping[str, str] = {name: marker for name, (_, _, marker) in _EXECUTORS.items()}

_LOSSES = {  # name: (light, dark)
    "work": ("#9db4c8", "#7e97ae"),
    "gil_wait": ("#d55e00", "#f0803c"),
    "run_queue": ("#eab308", "#efc94c"),
    "stolen": ("#7a5c2e", "#a9823f"),
    "dispatch": ("#0072b2", "#3f95d8"),
    "imbalance": ("#56b4e9", "#86cdf3"),
    "blocked": ("#8c1f6a", "#ec9fce"),
    "omp_idle": ("#43257a", "#7b5bd6"),
    "inflation": ("#009e73", "#2fc296"),
    "residual": ("#868c96", "#d5dae2"),
}

_HEAT = {  # from low to high efficiency: (light, dark)
    "l5": ("#b35806", "#d9751f"),
    "l4": ("#d0751f", "#b45f16"),
    "l3": ("#e8a35c", "#8c4b14"),
    "l2": ("#f4c795", "#623713"),
    "l1": ("#fae3c8", "#44301f"),
    "u1": ("#d5e6f4", "#1f3d54"),
    "u2": ("#a9cde9", "#1c5278"),
    "u3": ("#6faedb", "#19659a"),
    "u4": ("#3f93cd", "#3089c9"),
}
_FILLS = {
    **{f"loss-{name.replace('_', '-')}": pair for name, pair in _LOSSES.items()},
    **{f"heat-{name}": pair for name, pair in _HEAT.items()},
}

_SURFACES = {  # name: (light, dark)
    "page": ("#f6f7f9", "#12151b"),
    "card": ("#ffffff", "#1a1f28"),
    "ink": ("#1c2430", "#e6eaf0"),
    "soft": ("#566173", "#9fabbd"),
    "line": ("#d9dee6", "#323b4a"),
    "grid": ("#e9edf2", "#283040"),
    "accent": ("#0b5f9c", "#6db8f2"),
    "good": ("#00704f", "#3ccf9f"),
    "warn": ("#a14400", "#ff9a4d"),
    "band": ("#dfe4ea", "#2a3342"),
}

# Of timelines: fill and the ink on it, in shades that stand out from white and black and serve both themes.
CATEGORY_PAINT: Mapping[Category, tuple[str, str]] = {
    "start": ("#8b9099", "#000"),
    "import": ("#c678a5", "#000"),
    "unpickle": ("#a8438a", "#fff"),
    "hand_over": ("#56b4e9", "#000"),
    "barrier": ("#e6c700", "#000"),
    "compute": ("#0072b2", "#fff"),
    "wait": ("#e69f00", "#000"),
    "sleep": ("#b9a3d6", "#000"),
    "send": ("#009e73", "#000"),
    "gil": ("#d55e00", "#000"),
    "state": ("#7d8ea3", "#000"),
}
# Who holds the GIL: neighbours in time must differ, and the name in the tooltip says who.
HOLDER_PAINT = ("#d55e00", "#f2a65e", "#8c3d00", "#ffcf9e", "#b3470a", "#e8843c", "#6b2f00", "#f6bd88")


def luminance(color: str) -> float:
    """Return the relative luminance of ``#rrggbb`` (WCAG 2.2)."""
    parts = [int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours, 1 to 21 (WCAG 2.2)."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _theme(index: int) -> dict[str, str]:
    filled = {name: pair[index] for name, pair in _FILLS.items()}
    return {
        **{name: pair[index] for name, pair in _SURFACES.items()},
        **{f"x-{name}": pair[index] for name, pair in _EXECUTORS.items()},
        **filled,
        **{f"on-{name}": max("#ffffff", "#14181f", key=partial(contrast, color)) for name, color in filled.items()},
    }


THEMES: Mapping[str, Mapping[str, str]] = {"light": _theme(0), "dark": _theme(1)}


def executor_class(executor: str) -> str:
    """Return the class that gives an executor its colour."""
    return f"x-{executor if executor in _EXECUTORS else 'other'}"


_RULES = "\n".join(
    [
        *(f".x-{name}{{color:var(--x-{name})}}" for name in _EXECUTORS),
        *(f".chart .{name}{{fill:var(--{name})}}.chart .on-{name}{{fill:var(--on-{name})}}" for name in _FILLS),
    ]
)

CHART_CSS = f"""\
.chart{{font-family:system-ui,-apple-system,"Segoe UI","Liberation Sans",Arial,sans-serif;font-size:11px}}
.chart text{{fill:var(--ink)}}
.chart .t{{font-size:13px;font-weight:600}}
.chart .soft{{fill:var(--soft)}}
.chart .end{{text-anchor:end}}.chart .mid{{text-anchor:middle}}
.chart .grid{{stroke:var(--grid);stroke-width:1;fill:none}}.chart .axis{{stroke:var(--line);stroke-width:1;fill:none}}
.chart .ideal{{stroke:var(--soft);stroke-width:1.2;stroke-dasharray:4 3;fill:none}}
.chart .spin{{stroke:var(--soft);stroke-width:1.2;fill:none}}
.chart .spinband{{fill:var(--band);stroke:none}}.chart .band{{fill:currentColor;fill-opacity:.18;stroke:none}}
.chart .curve{{stroke:currentColor;stroke-width:2;fill:none;stroke-linejoin:round}}
.chart .dot{{fill:currentColor;stroke:var(--card);stroke-width:1}}
.chart .hollow{{fill:var(--card);stroke:currentColor;stroke-width:1.5}}
.chart .hit{{fill:transparent}}.chart .bar{{fill:currentColor}}.chart .track{{fill:var(--grid)}}
.chart .inkwhisker{{stroke:var(--ink);stroke-width:1.2;fill:none}}
.chart .inside{{font-size:10px;font-weight:600}}
.chart .paper{{fill:var(--card);stroke:var(--line)}}.chart .page{{fill:var(--page)}}
{_RULES}
"""


def variables(theme: str) -> str:
    """Return the declarations of a theme's colours."""
    return "".join(f"--{name}:{value};" for name, value in THEMES[theme].items())


def surfaces(theme: str) -> str:
    """Return the declarations of a theme's grounds, inks and lines alone."""
    return "".join(f"--{name}:{THEMES[theme][name]};" for name in _SURFACES)


def resolved(css: str, theme: str) -> str:
    """Return styles with the colours of a theme in place of variables, for programs that know none."""
    return re.sub(r"var\(--([a-z0-9_-]+)(?:,[^()]*)?\)", lambda match: THEMES[theme][match[1]], css)
