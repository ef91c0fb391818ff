"""Measured events as a Mermaid ``sequenceDiagram``: text that GitHub, GitLab and MkDocs draw."""

from __future__ import annotations

import re

from gilscope.core.trace import Trace, by_group
from gilscope.studies.traced.steps import MAX_STEPS, Step, speakers, steps

# What ends a text, begins a comment or an entity, or is markup; the rest of Unicode passes.
_SPECIAL = re.compile(r"[#;<>&\"`\\%{}$]")
_BLANK = re.compile(r"[\s\x00-\x1f\x7f-\x9f]+")


def sequence_diagram(trace: Trace) -> str:
    """Return a diagram with lanes as participants; those that are no plain words are p0, p1, ... with an alias."""
    lines, parts, taken = ["sequenceDiagram", "    autonumber"], [], 0
    groups = by_group(trace)
    for part in groups:
        names = {lane: _identifier(lane, taken + index) for index, lane in enumerate(speakers(part))}
        if len(groups) > 1:  # each group has its main: names must differ
            names = {lane: f"p{taken + index}" for index, lane in enumerate(names)}
        taken += len(names)
        heads = [
            f"    participant {name}" + ("" if name == lane else f" as {_text(lane)}") for lane, name in names.items()
        ]
        # 'transparent' because a first word that is a colour would be taken for one
        box = f"    box transparent {_text(part.title)}"
        lines += [box, *heads, "    end"] if len(groups) > 1 and heads else heads
        parts.append((part, names))
    for part, names in parts:
        lines += _steps(part, names)
    return "\n".join(lines) + "\n"


def _steps(trace: Trace, names: dict[str, str]) -> list[str]:
    depth, found = dict.fromkeys(names, 0), steps(trace)
    lines = [line for step in found for line in _lines(step, names, depth)]
    for lane, open_spans in depth.items():  # a diagram that was cut leaves some open
        lines += [f"    deactivate {names[lane]}"] * open_spans
    if len(found) == MAX_STEPS and names:
        lines.append(f"    Note over {next(iter(names.values()))}: and so on")
    return lines


_RESERVED = frozenset(
    (
        *("participant", "actor", "as", "note", "over", "left", "right", "of", "loop", "end", "alt", "else", "opt"),
        *("par", "and", "rect", "autonumber", "activate", "deactivate", "title", "box", "break", "critical", "option"),
        *("create", "destroy", "link", "links", "properties", "details", "sequencediagram"),
    )
)


def _identifier(lane: str, index: int) -> str:
    plain = re.fullmatch(r"[A-Za-z][A-Za-z0-9]*", lane) and lane.lower() not in _RESERVED
    return lane if plain and not re.fullmatch(r"p\d+", lane) else f"p{index}"


def _text(text: str) -> str:
    """Return a text in which nothing has a meaning to Mermaid."""
    return _SPECIAL.sub(lambda match: f"#{ord(match[0])};", _BLANK.sub(" ", text)).strip() or "#32;"


def _lines(step: Step, names: dict[str, str], depth: dict[str, int]) -> list[str]:
    source, target, text = names[step.source], names[step.target], _text(step.text)
    if step.kind == "message":
        sign = ""
        if step.opens:
            depth[step.target] += 1
            sign = "+"
        elif step.closes:
            sign = "-" if depth[step.source] else ""
            depth[step.source] -= bool(sign)
        lines = [f"    {source}->>{sign}{target}: {text}"]
        if step.opens and step.closes and depth[step.source]:  # a message cannot say both
            depth[step.source] -= 1
            lines.append(f"    deactivate {source}")
        return lines
    note = f"    Note over {source}: {text}"
    if step.kind == "begin":
        depth[step.source] += 1
        return [f"    activate {source}", note]
    if step.kind == "end" and depth[step.source]:
        depth[step.source] -= 1
        return [note, f"    deactivate {source}"]
    return [note]
