"""Stacks as a file for speedscope (https://www.speedscope.app), in its own format: frames once, stacks by their places.

Each process has two profiles, weighed by blame, in seconds that threads waited, and by the time the GIL was held.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gilscope.analysis.program import ProgramReport
from gilscope.telemetry.stacks import HOLDS, Frame, Stacks

SCHEMA = "https://www.speedscope.app/file-format-schema.json"


def speedscope(report: ProgramReport) -> dict[str, Any]:
    """Return the document; its profiles have no samples where no stack was read."""
    main = ("", report.gil.stacks)
    children = ((f", process {child.pid}", child.gil.stacks) for child in report.children)
    frames: dict[Frame, int] = {}
    profiles = [
        profile
        for name, stacks in (main, *children)
        if stacks is not None
        for profile in _profiles(name, stacks, frames)
    ]
    return {
        "$schema": SCHEMA,
        "exporter": f"gilscope {report.tool_version}",
        "name": f"GIL of {' '.join([report.target, *report.arguments])}",
        "activeProfileIndex": 0,
        "shared": {"frames": [_frame(frame) for frame in frames]},
        "profiles": profiles,
    }


def _profiles(name: str, stacks: Stacks, frames: dict[Frame, int]) -> Iterator[dict[str, Any]]:
    holders = [stack for stack in stacks.stacks if stack.state == HOLDS and stack.frames]
    weighed = {
        "blame: thread-seconds waited": [stack.blame_s for stack in holders],
        "held: seconds": [stack.seconds for stack in holders],
    }
    paths = [
        [frames.setdefault(stacks.frames[place], len(frames)) for place in reversed(stack.frames)] for stack in holders
    ]
    for title, weights in weighed.items():
        rows = [(path, weight) for path, weight in zip(paths, weights, strict=True) if weight > 0]
        yield {
            "type": "sampled",
            "name": title + name,
            "unit": "seconds",
            "startValue": 0,
            "endValue": sum(weight for _, weight in rows),
            "samples": [path for path, _ in rows],
            "weights": [weight for _, weight in rows],
        }


def _frame(frame: Frame) -> dict[str, Any]:
    line = {} if frame.line is None else {"line": frame.line}
    return {"name": frame.function, "file": frame.file, **line}
