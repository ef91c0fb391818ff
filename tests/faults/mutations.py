"""Result files as chance and malice make them: each is read, or refused in one clear line, in bounded time and memory.

``python -m tests.faults.mutations --count 100000`` makes so many result files, and a tenth as many studies and records
of environments, reads them with all CPUs and prints what happened. A file is known by its number: the seed and the
number make it, whatever the number of processes. A process that ends or takes too long is a failure of the file it was
at.
"""

from __future__ import annotations

import argparse
import faulthandler
import json
import os
import random
import re
import resource
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.faults.readers import HOSTILE, READERS, nothing_measured

__all__ = ["SEEDS", "WORDS", "Trial", "cpus", "mutate", "places", "read_range", "try_many"]

SEEDS = Path(__file__).parent / "seeds"

LIMIT_S = 30.0  # for one file and all that reads it: a hundred times what the slowest takes
MEMORY_MIB = 300  # what each process must stay below
PARTS = 8  # for each process: the last ones end at about the same time

WORDS: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**31, 2**53 + 1, 2**63 - 1, 2**63, -(2**63), 10**30, 1e308, -1e308, 5e-324, 0.5, "",
    "x", "\u0000", "\ud7ff", "\ud800", HOSTILE, "[bold]x[/", "=1+1", "a" * 5000, "../x", "nbody/cy_nogil@threads*2#M",
    "spin:spin/cy_nogil@threads*2#M", "nbody/cy_nogil@threads*999999#M~c999999999999", [], {}, [[]], [{}], [None],
    {"": {}}, {"value": 1, "low": 2, "high": 0}, [0] * 100, json.loads("[" * 150 + "]" * 150),
    json.loads('{"a":' * 400 + "1" + "}" * 400),
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
    found = places(document)
    if not found:
        return data
    holder, key = generator.choice(found)
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


def places(document: Any) -> list[tuple[Any, Any]]:
    """Return (container, key) of every value."""
    found, waiting = [], [document] if isinstance(document, dict | list) else []
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What became of one file.

    Parameters
    ----------
    outcome : str
        ``read``, ``refused``, ``traceback`` or ``crash``; the latter two must not be.
    detail : str
        The traceback, or what the process said last.
    peak_mib : float
        Of the process until then.
    """

    number: int
    name: str
    outcome: str
    detail: str = ""
    seconds: float = 0.0
    peak_mib: float = 0.0

    @property
    def bad(self) -> bool:
        """Whether a promise was broken."""
        return self.outcome not in ("read", "refused")


def made(number: int, seed: int, *, others: bool) -> tuple[str, bytes, random.Random]:
    """Return the name and the bytes of a file, and the generator that decides how it is read.

    Parameters
    ----------
    others : bool
        No result, but another file that gilscope reads.
    """
    generator = random.Random(f"{seed}/{others}/{number}")
    known = sorted(path for path in SEEDS.iterdir() if (path.name in READERS) is others)
    chosen = generator.choice(known)
    name = chosen.name if others else "result.jsonl"
    return name, mutate(chosen.read_bytes(), generator), generator


def read_range(numbers: range, seed: int, folder: Path, *, others: bool = False, limit_s: float = 0) -> Iterator[Trial]:
    """Make and read some files in this process.

    Parameters
    ----------
    limit_s : float
        Seconds that one may take; then this process prints where it is and ends. 0: no limit.
    """
    whole = folder / "whole.jsonl"
    whole.write_bytes((SEEDS / "a.jsonl").read_bytes())
    with nothing_measured():
        for number in numbers:
            name, data, generator = made(number, seed, others=others)
            (folder / name).write_bytes(data)
            if limit_s:
                faulthandler.dump_traceback_later(limit_s, exit=True)
            begin, outcome, detail = time.monotonic(), "traceback", ""
            try:
                outcome = READERS[name](folder / name, whole, generator)
            except Exception:  # noqa: BLE001 - that is what is looked for
                detail = traceback.format_exc()
            seconds = time.monotonic() - begin
            if limit_s:
                faulthandler.cancel_dump_traceback_later()
            yield Trial(number=number, name=name, outcome=outcome, detail=detail, seconds=seconds, peak_mib=peak_mib())


def cpus() -> int:
    """Return how many CPUs this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def peak_mib() -> float:
    """Return the most memory this process had, in MiB."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
        return int(re.search(r"VmHWM:\s*(\d+)", status)[1]) / 1024  # type: ignore[index]
    except (OSError, TypeError):  # the figure of getrusage begins with that of the parent
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def _part(numbers: range, seed: int, folder: Path, others: bool) -> list[Trial]:
    """Read some files in a process of its own, and in another after one at which it ended."""
    trials: list[Trial] = []
    while numbers:
        mine = folder / f"{'other' if others else 'result'}-{numbers[0]}"
        mine.mkdir()
        words = ["--part", f"{numbers.start}:{numbers.stop}", "--seed", str(seed), "--folder", str(mine)]
        done = subprocess.run(
            [sys.executable, "-m", "tests.faults.mutations", *words, *(["--others"] if others else [])],
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        lines = done.stdout.splitlines(keepends=True)
        found = [Trial(**json.loads(line)) for line in lines if line.endswith("\n")]  # the last one may be torn
        trials += found
        numbers = numbers[len(found) :]
        if not numbers:
            break
        said = f"its process ended with status {done.returncode}\n{done.stderr[-3000:]}"
        trials.append(Trial(number=numbers[0], name="", outcome="crash", detail=said, seconds=LIMIT_S))
        if not lines:  # no file does that to each of them
            raise RuntimeError(said)
        numbers = numbers[1:]
    return trials


def try_many(
    count: int, seed: int, folder: Path, *, processes: int, say: Callable[[str], None] = lambda text: None
) -> list[Trial]:
    """Read so many results and a tenth as many other files, with so many processes; ``say`` hears how far it is."""
    parts = []
    for total, others in ((count, False), (count // 10, True)):
        step = max(50, -(-total // (PARTS * processes)))
        parts += [(range(first, min(first + step, total)), seed, folder, others) for first in range(0, total, step)]
    with ThreadPoolExecutor(processes) as pool:
        trials: list[Trial] = []
        for found in pool.map(lambda part: _part(*part), parts):
            trials += found
            say(f"{len(trials)} files, {sum(trial.bad for trial in trials)} bad")
    return trials


def _told(trials: Sequence[Trial], seed: int, seconds: float) -> Iterator[str]:
    """Yield the lines of the summary, and how to make each bad file again."""
    kinds = Counter("results" if trial.name == "result.jsonl" else "other files" for trial in trials)
    counted = ", ".join(f"{times} {kind}" for kind, times in kinds.most_common())
    largest, slowest = max(trials, key=lambda t: t.peak_mib), max(trials, key=lambda t: t.seconds)
    yield f"{counted}, seed {seed}, {seconds:.0f} s"
    yield f"peak memory of a process {largest.peak_mib:.0f} MiB (limit {MEMORY_MIB})"
    yield f"slowest file {slowest.seconds:.2f} s (number {slowest.number}, limit {LIMIT_S:g} s)"
    outcomes = Counter(trial.outcome for trial in trials)
    yield from (f"{outcomes[outcome]:8d}  {outcome}" for outcome in ("read", "refused", "traceback", "crash"))
    bad = [trial for trial in trials if trial.bad]
    alike = Counter(_last_frames(trial.detail) for trial in bad)
    for frames, times in alike.most_common(20):
        first = next(trial for trial in bad if _last_frames(trial.detail) == frames)
        yield f"\n{times} times, first number {first.number} ({first.name}):\n{first.detail}"


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _last_frames(detail: str) -> str:
    return "\n".join(detail.splitlines()[-8:-1])


def main(arguments: Sequence[str] | None = None) -> int:
    """Try many, print what happened; status 1 if anything but an answer or one clear line came out."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=1000, help="results; a tenth as many other files")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=cpus())
    parser.add_argument("--part", help=argparse.SUPPRESS)  # FIRST:END, what one of the processes does
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--others", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args(arguments)
    if asked.part:
        numbers = range(*map(int, asked.part.split(":")))
        for trial in read_range(numbers, asked.seed, asked.folder, others=asked.others, limit_s=LIMIT_S):
            print(json.dumps(asdict(trial)), flush=True)
        return 0
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="gilscope-fuzz-") as folder:
        trials = try_many(asked.count, asked.seed, Path(folder), processes=asked.processes, say=_say)
    print("\n".join(_told(trials, asked.seed, time.monotonic() - begin)))
    return 1 if any(trial.bad for trial in trials) or max(t.peak_mib for t in trials) >= MEMORY_MIB else 0


if __name__ == "__main__":
    raise SystemExit(main())
