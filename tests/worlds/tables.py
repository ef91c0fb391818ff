"""Counting: what was right, undecided and wrong, by machine and by cause."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from tests.worlds.codes import ALIKE
from tests.worlds.judge import Judged

__all__ = ["confusion", "gates", "report", "undecided", "wrong"]


def confusion(found: Sequence[Judged], key: Callable[[Judged], str], title: str) -> Iterator[str]:
    """Yield a table of grades by a key; *open* are those of the undecided that had to be decided."""
    yield f"| {title} | worlds | right | undecided | open | wrong |"
    yield "|---|---|---|---|---|---|"
    groups: dict[str, list[Judged]] = {}
    for one in found:
        groups.setdefault(key(one), []).append(one)
    for name, own in [*sorted(groups.items()), ("all", list(found))]:
        grades = Counter(one.grade for one in own)
        unmet = sum(one.grade == "undecided" and one.needed for one in own)
        yield f"| {name} | {len(own)} | {grades['right']} | {grades['undecided']} | {unmet} | {grades['wrong']} |"


def gates(found: Sequence[Judged]) -> Iterator[str]:
    """Yield the gate's decisions by machine."""
    yield "| machine | gates | right | undecided | passed wrongly | failed wrongly |"
    yield "|---|---|---|---|---|---|"
    groups: dict[str, list[str]] = {}
    for one in found:
        if one.gate:
            groups.setdefault(one.world.machine_family, []).append(one.gate)
    for name, own in [*sorted(groups.items()), ("all", [gate for part in groups.values() for gate in part])]:
        counts = Counter(own)
        cells = (counts[word] for word in ("right", "undecided", "wrong: passed", "wrong: failed"))
        yield f"| {name} | {len(own)} | {' | '.join(map(str, cells))} |"


def wrong(found: Sequence[Judged]) -> list[Judged]:
    """Return those with a wrong answer."""
    return [one for one in found if one.grade == "wrong"]


def undecided(found: Sequence[Judged]) -> float:
    """Return the share of the worlds that had to be decided and were not."""
    needed = [one for one in found if one.needed]
    return sum(one.grade == "undecided" for one in needed) / len(needed) if needed else 0.0


def report(found: Sequence[Judged]) -> str:
    """Return everything as Markdown."""
    errors = wrong(found)
    lines = [
        *confusion(found, lambda one: one.world.machine_family, "machine"),
        "",
        *confusion(found, lambda one: one.world.cause, "cause"),
        "",
        f"Wrong: {len(errors)} of {len(found)} ({len(errors) / max(1, len(found)):.1%}).",
        f"Undecided of those that had to be decided: {undecided(found):.1%}.",
        "",
        *gates(found),
        "",
        "Worlds that nothing measured tells apart; any of the findings is right:",
        "",
        "| planted | findings | why |",
        "|---|---|---|",
        *(f"| {', '.join(one.effects)} | {', '.join(one.codes)} | {one.reason} |" for one in ALIKE),
        "",
    ]
    if errors:
        lines += ["| seed | world | workers | planted S | machine | said | speed-up | wrong |", "|---|" + "---|" * 7]
        lines += [_line(one) for one in errors]
    return "\n".join(lines)


def _line(one: Judged) -> str:
    world, truth = one.world, one.truth
    how = f"{world.workers} {world.executor}"
    cells = (world.seed, world.name, how, f"{truth.speedup:.2f}", f"{truth.machine:.2f}", ", ".join(one.said) or "-",
             one.speedup, one.why)  # fmt: skip
    return f"| {' | '.join(map(str, cells))} |"
