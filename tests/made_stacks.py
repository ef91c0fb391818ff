"""Made-up stacks of a threaded server whose answers are known: what a probe would read of it."""

from __future__ import annotations

from collections.abc import Sequence

from gilscope.telemetry.stacks import HOLDS, WAITS_GIL, WAITS_LOCK, Frame, Stack, Stacks

PYTHON = "/usr/lib/python3.11"
HANDLER = Frame(file="/srv/app/server.py", function="Handler.do_POST", line=7)
HASHING = Frame(file="/srv/app/server.py", function="Handler.do_GET", line=12)
LOADS = Frame(file=f"{PYTHON}/json/__init__.py", function="loads", line=346)
DECODE = Frame(file=f"{PYTHON}/json/decoder.py", function="JSONDecoder.raw_decode", line=353)
RUN = Frame(file=f"{PYTHON}/threading.py", function="Thread.run", line=982)
JOIN = Frame(file=f"{PYTHON}/threading.py", function="Thread.join", line=1119)
MAIN = Frame(file="/srv/app/server.py", function="<module>", line=30)

Row = tuple[str, Sequence[Frame], float, float]  # state, frames from the innermost, seconds, thread-seconds of blame


def stacks(*rows: Row, window_s: float = 10.0, dropped: int = 0) -> Stacks:
    """Return stacks of which each took as many samples as it took tenths of a second."""
    frames = tuple(dict.fromkeys(frame for _, found, *_ in rows for frame in found))
    made = [
        Stack(
            native_id=number,
            state=state,
            frames=tuple(map(frames.index, found)),
            seconds=seconds,
            blame_s=blame_s,
            samples=round(10 * seconds),
        )
        for number, (state, found, seconds, blame_s) in enumerate(rows)
    ]
    samples = sum(stack.samples for stack in made) + dropped
    return Stacks(window_s=window_s, frames=frames, stacks=tuple(made), samples=samples, dropped=dropped)


def server(*, dropped: int = 3) -> Stacks:
    """Return a server that parses JSON half of the time while 1.42 threads wait, and hashes for a tenth of it."""
    return stacks(
        (HOLDS, (DECODE, LOADS, HANDLER, RUN), 5.0, 14.2),
        (HOLDS, (HASHING, RUN), 1.0, 2.0),
        (WAITS_GIL, (HASHING, RUN), 9.0, 0.0),
        (WAITS_GIL, (DECODE, LOADS, HANDLER, RUN), 7.2, 0.0),
        (WAITS_LOCK, (JOIN, MAIN), 10.0, 0.0),
        dropped=dropped,
    )
