"""Result files as chance and malice make them, and what reads them: every reader answers or says one clear line.

``python -m tests.faults.mutations --count 100000`` tries so many and prints what happened.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import resource
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from gilscope.analysis import analyse
from gilscope.errors import GilscopeError
from gilscope.results import load

__all__ = ["SEEDS", "mutate", "read_everything", "try_many"]

SEEDS = Path(__file__).parent / "seeds"

WORDS: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**31, 2**53 + 1, 2**63 - 1, 2**63, -(2**63), 10**30, 1e308, -1e308, 5e-324, 0.5, "",
    "x", "\u0000", "\ud7ff", "<script>alert(1)</script>", "[bold]x[/", "a" * 5000, "nbody/cy_nogil@threads*2#M",
    "spin:spin/cy_nogil@threads*2#M", "nbody/cy_nogil@threads*999999#M~c999999999999", [], {}, [[]], [{}], [None],
    {"": {}}, {"value": 1, "low": 2, "high": 0}, [0] * 100,
)  # fmt: skip


def mutate(data: bytes, generator: random.Random) -> bytes:
    """Return a result file with one to four things wrong with it."""
    for _ in range(generator.choice((1, 1, 1, 2, 4))):
        data = generator.choice(_KINDS)(data, generator)
    return data


def _flip(data: bytes, generator: random.Random) -> bytes:
    if not data:
        return data
    changed = bytearray(data)
    for _ in range(generator.choice((1, 1, 3, 20))):
        changed[generator.randrange(len(changed))] ^= 1 << generator.randrange(8)
    return bytes(changed)


def _cut(data: bytes, generator: random.Random) -> bytes:
    return data[: generator.randrange(len(data) + 1)]


def _drop(data: bytes, generator: random.Random) -> bytes:
    begin = generator.randrange(len(data) + 1)
    return data[:begin] + data[begin + generator.randrange(200) :]


def _repeat(data: bytes, generator: random.Random) -> bytes:
    begin = generator.randrange(len(data) + 1)
    part = data[begin : begin + generator.randrange(2000)]
    return data[:begin] + part * generator.choice((2, 3, 50)) + data[begin:]


def _shuffle_lines(data: bytes, generator: random.Random) -> bytes:
    lines = data.splitlines(keepends=True)
    if len(lines) > 2:
        i, j = generator.sample(range(len(lines)), 2)
        lines[i], lines[j] = lines[j], lines[i]
    return b"".join(lines)


def _drop_line(data: bytes, generator: random.Random) -> bytes:
    lines = data.splitlines(keepends=True)
    if lines:
        del lines[generator.randrange(len(lines))]
    return b"".join(lines)


def _nest(data: bytes, generator: random.Random) -> bytes:
    depth = generator.choice((10, 500, 20_000))
    lines = data.splitlines(keepends=True)
    where = generator.randrange(len(lines) + 1)
    return b"".join([*lines[:where], b'{"block":' + b"[" * depth + b"]" * depth + b"}\n", *lines[where:]])


def _change_value(data: bytes, generator: random.Random) -> bytes:
    """Change one value somewhere in the JSON of one line: the rest stays well-formed."""
    lines = data.splitlines(keepends=True)
    if not lines:
        return data
    number = generator.randrange(len(lines))
    try:
        document = json.loads(lines[number])
    except (ValueError, RecursionError):
        return data
    places = list(_places(document))
    if not places:
        return data
    holder, key = generator.choice(places)
    action = generator.randrange(6)
    if action == 0:
        del holder[key]
    elif action == 1 and isinstance(holder, dict):
        holder[generator.choice(("", "x", "case", "block", "é"))] = holder.pop(key)
    elif action == 2 and isinstance(holder[key], int | float):
        holder[key] = generator.choice((holder[key] * -1, holder[key] * 1_000_003, holder[key] + 0.5, 0))
    else:
        holder[key] = generator.choice(WORDS)
    lines[number] = json.dumps(document).encode() + b"\n"
    return b"".join(lines)


def _places(document: Any) -> list[tuple[Any, Any]]:
    """Return (container, key) of every value."""
    found, waiting = [], [document]
    while waiting:
        holder = waiting.pop()
        keys = list(holder) if isinstance(holder, dict) else range(len(holder))
        for key in keys:
            found.append((holder, key))
            if isinstance(holder[key], dict | list):
                waiting.append(holder[key])
    return found


_KINDS: Sequence[Callable[[bytes, random.Random], bytes]] = (
    _flip, _cut, _drop, _repeat, _shuffle_lines, _drop_line, _nest, *[_change_value] * 12,
)  # fmt: skip


def read_everything(path: Path, other: Path) -> None:
    """Do with a result file what the verbs do: load, show, one case, compare, export, the report.

    Raises
    ------
    GilscopeError
        One clear line.
    """
    from gilscope.analysis.versus import versus
    from gilscope.report.case import find_case, render_case
    from gilscope.report.export import export
    from gilscope.report.html.render import render as render_page
    from gilscope.report.html.source import read_source
    from gilscope.report.terminal import render

    result = load(path)
    document = analyse(result)
    json.dumps(document, allow_nan=False)
    render(document, width=100, one_time=True)
    for row in document["cases"][:2]:
        render_case(document, find_case(document, row["case"]), result, width=100)
    versus(analyse(load(other)), document)
    for form in ("csv", "json", "pytest-benchmark", "pyperf"):
        with contextlib.suppress(GilscopeError):
            export(result, document, form)
    render_page([read_source(path, document)])


def try_many(count: int, seed: int, folder: Path) -> tuple[Counter[str], list[str]]:
    """Read so many mutated files; return how often what happened, and the tracebacks that should not be."""
    generator = random.Random(seed)
    seeds = [(path, path.read_bytes()) for path in sorted(SEEDS.glob("*.jsonl"))]
    outcomes: Counter[str] = Counter()
    tracebacks: list[str] = []
    target = folder / "result.jsonl"
    for _ in range(count):
        original, data = generator.choice(seeds)
        mutated = mutate(data, generator)
        target.write_bytes(mutated)
        try:
            read_everything(target, original)
            outcomes["read"] += 1
        except GilscopeError as error:
            outcomes[type(error).__name__] += 1
            if "\n" in str(error) or not str(error):
                tracebacks.append(f"not one line: {error!r}")
        except Exception:  # noqa: BLE001 - that is what is looked for
            outcomes["traceback"] += 1
            tracebacks.append(traceback.format_exc())
            (folder / f"bad-{len(tracebacks)}.jsonl").write_bytes(mutated)
    return outcomes, tracebacks


def main(arguments: Sequence[str] | None = None) -> int:
    """Try many, print what happened; status 1 if anything but an answer or one clear line came out."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args(arguments)
    folder = Path(tempfile.mkdtemp(prefix="gilscope-fuzz-"))
    begin = time.monotonic()
    outcomes, tracebacks = try_many(asked.count, asked.seed, folder)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 if sys.platform == "darwin" else 1024)
    print(
        f"{asked.count} files, {time.monotonic() - begin:.0f} s, peak memory {peak:.0f} {'B' if peak > 1e6 else 'MiB'}"
    )
    for outcome, times in outcomes.most_common():
        print(f"{times:8d}  {outcome}")
    for text, times in Counter(tracebacks).most_common(20):
        print(f"\n{times} times:\n{text}")
    print(f"tracebacks: {len(tracebacks)}" + (f"; the files are in {folder}" if tracebacks else ""))
    return 1 if tracebacks else 0


if __name__ == "__main__":
    raise SystemExit(main())
