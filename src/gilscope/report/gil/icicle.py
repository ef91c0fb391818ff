"""Stacks as an icicle: the root above, each call below its caller, as wide as its blame.

Widths are in per cent of the picture's, letters in pixels, so that it can be read on any screen; what does not fit is
in the tooltip.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from gilscope.report.figures import narrow
from gilscope.report.palette import CATEGORY_PAINT
from gilscope.report.sentences.blame import place
from gilscope.report.svg import Markup, tag
from gilscope.telemetry.blame import in_library, short_names
from gilscope.telemetry.stacks import HOLDS, Frame, Stack, Stacks

_ROW = 18  # pixels
_LEAST = 0.3  # per cent of the width; what is narrower is not drawn
_NAMED = 2.0  # per cent from which a name is worth its letters

_PAINT = {"own": CATEGORY_PAINT["wait"], "library": CATEGORY_PAINT["state"]}  # fill and ink, in both themes

CSS = f"""
{"".join(f".icicle .{name}{{fill:{fill}}}.icicle .i-{name}{{fill:{ink}}}" for name, (fill, ink) in _PAINT.items())}
.icicle text{{font:11px system-ui,sans-serif}}.icicle rect{{stroke:var(--card);stroke-width:1}}
figure .icicle{{display:block;min-width:0}}
"""


@dataclass(slots=True)
class _Node:
    frame: Frame
    weight: float = 0.0
    callees: dict[Frame, _Node] = field(default_factory=dict)


def icicle(stacks: Stacks) -> Markup | None:
    """Draw the stacks of the holders by blame; None where there is none."""
    return _drawn(stacks, lambda stack: stack.blame_s)


def _drawn(stacks: Stacks, weigh: Callable[[Stack], float]) -> Markup | None:
    root = _Node(Frame(file="", function="all", line=None))
    for stack in stacks.stacks:
        weight = weigh(stack)
        if stack.state != HOLDS or not stack.frames or weight <= 0:
            continue
        node = root
        node.weight += weight
        for number in reversed(stack.frames):
            frame = stacks.frames[number]
            node = node.callees.setdefault(frame, _Node(frame))
            node.weight += weight
    if not root.weight:
        return None
    names = short_names(frame.file for frame in stacks.frames)
    boxes = list(_boxes(root, 100.0 / root.weight, 0.0, 0))
    depth = 1 + max(row for *_, row in boxes)
    shapes = (
        _box(node, x, width, row, names, f"{narrow(node.weight / stacks.window_s)} threads, {width:.0f} % of the blame")
        for node, x, width, row in boxes
    )
    return tag(
        "svg",
        tag("title", "Blame by call, from the root down"),
        *shapes,
        class_="icicle",
        width=Markup("100%"),
        height=depth * _ROW,
        role="img",
        xmlns="http://www.w3.org/2000/svg",
    )


def _boxes(node: _Node, scale: float, x: float, row: int) -> Iterator[tuple[_Node, float, float, int]]:
    """Yield what a node called, with left edge and width in per cent, and the row; the widest on the left."""
    for callee in sorted(node.callees.values(), key=lambda one: -one.weight):
        width = callee.weight * scale
        if width >= _LEAST:
            yield callee, x, width, row
            yield from _boxes(callee, scale, x, row + 1)
        x += width


def _box(node: _Node, x: float, width: float, row: int, names: Mapping[str, str], figures: str) -> Markup:
    frame, kind = node.frame, "library" if in_library(node.frame.file) else "own"
    where = place(frame, names)
    name = [tag("text", f"{frame.function} {where}", class_=f"i-{kind}", x=4, y=13)] if width >= _NAMED else []
    return tag(
        "svg",
        tag("title", f"{frame.function}, {where}: {figures}"),
        tag("rect", class_=kind, width=Markup("100%"), height=_ROW),
        *name,
        x=Markup(f"{x:.3f}%"),
        y=row * _ROW,
        width=Markup(f"{width:.3f}%"),
        height=_ROW,
    )
