"""From which size on does a C function release the GIL? The exact trace counts its releases, size by size.

A call that releases the GIL ends one hold and begins another, however short it is. So what counts is not the share of
the time, which for calls of a microsecond is that of the loop around them, but how many holds there are per call: one
or more, or none. A native thread that reads the lock all the time sees them. Where it had no CPU it
saw nothing, and the window does not count.

Between two sizes that differ, bisection finds the first of the new kind. A size that is seen one way and then another
widens the interval again.
"""

from __future__ import annotations

import ast
import functools
import itertools
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from gilscope.core.errors import UsageError
from gilscope.core.units import parse_bytes
from gilscope.stats import median_range
from gilscope.studies.audit.calls import (
    HELD_ABOVE,
    AuditedCall,
    Change,
    HeldShare,
    SizedCall,
    bind,
    check_snippet,
)
from gilscope.telemetry.turns import WatchedCalls, watched_calls

PLACE = "{n}"  # of the size in a call
AUTO = "auto"

RELEASES_FROM, HOLDS_BELOW = 0.1, 0.01  # releases per call
HELD_RELEASED = 0.5  # share of the time: a call that holds the GIL can hardly be seen without it

_WINDOW_S = 0.01
_FEWEST_CALLS = 5  # in a window, or one stray release would be one of every call
_FEWEST_WINDOWS, _MOST_WINDOWS = 3, 60
_FEWEST_RELEASES = 3.0
_FIRST, _FACTOR, _LARGEST = 16, 4, 1 << 26  # sizes of ``auto``
_LONGEST_CALL_S = 0.05  # of ``auto``: larger data tells nothing new
_MOST_CHANGES = 4  # that are looked for
_MOST_TRIES = 4  # to find each
_LIMIT_S = 60.0  # for all sizes


def parse_sizes(text: str) -> tuple[int, ...]:
    """Read ``1KiB,64KiB,1MiB`` or ``100,1000`` in rising order; empty for ``auto``. Raises UsageError."""
    if text.strip() == AUTO:
        return ()
    sizes = {parse_bytes(part, what="--n", example="1KiB,64KiB,1MiB, or auto") for part in text.split(",")}
    return tuple(sorted(sizes))


def check_sized(text: str) -> ast.Call:
    """Parse a call that has ``{n}``; UsageError if it is something else."""
    if PLACE not in text:
        raise UsageError(
            f"--call {text!r} does not say where the size goes: write it like 'zlib.crc32(bytes({PLACE}))'"
        )
    return check_snippet(text.replace(PLACE, "1"))


def reply(text: str, sizes: Sequence[int]) -> dict[str, Any]:
    """Measure a call at some sizes, none of them for ``auto``, and return the row; the child's side."""
    from gilscope.env.interpreter import describe
    from gilscope.telemetry.holders import trace_availability

    row = AuditedCall(call=text, status="ok", interpreter=str(describe()["label"]))
    available = trace_availability()
    if not available.ok:
        return asdict(replace(row, status="unavailable", reason=available.reason))
    watch = functools.partial(_at, text, ends_s=time.perf_counter() + _LIMIT_S)
    rows, changes = swept(watch, sizes)
    if all(one.held is None for one in rows):  # a call that raises does so at every size
        return asdict(replace(row, status="failed", reason=rows[0].reason))
    return asdict(replace(row, sizes=tuple(rows), changes=tuple(changes)))


@dataclass(slots=True)
class _Seen:
    """What is known about every size that was looked at."""

    watch: Callable[[int], SizedCall]
    rows: dict[int, SizedCall]

    def at(self, n: int) -> SizedCall:
        if n not in self.rows:
            self.rows[n] = self.watch(n)
        return self.rows[n]

    def again(self, n: int) -> bool:
        """Whether a second look at a size says the same."""
        return self.at(n).releases == self.watch(n).releases


def swept(watch: Callable[[int], SizedCall], sizes: Sequence[int]) -> tuple[list[SizedCall], list[Change]]:
    """Look at the sizes and find where they change; ``watch`` looks at one. Returns their rows and the changes."""
    seen = _Seen(watch, {})
    rows = [seen.at(n) for n in sizes] if sizes else list(_rising(seen))
    decided = [row for row in rows if row.releases is not None]
    edges = [(one.n, two.n) for one, two in itertools.pairwise(decided) if one.releases != two.releases]
    return rows, [_bisected(seen, *edge) for edge in edges[:_MOST_CHANGES]]


def _rising(seen: _Seen) -> Iterable[SizedCall]:
    """Look at ever larger sizes until a call takes long, or cannot be made."""
    n = _FIRST
    while n <= _LARGEST:
        row = seen.at(n)
        if row.reason and n > _FIRST:
            return
        yield row
        if row.reason or row.per_call_s > _LONGEST_CALL_S:
            return
        n *= _FACTOR


def _bisected(seen: _Seen, lowest: int, highest: int) -> Change:
    """Return the change between two sizes: the last as before, the first as after it; one apart where it is sharp."""
    before = bool(seen.at(lowest).releases)
    low, high, step = lowest, highest, 1
    for _ in range(_MOST_TRIES):
        bottom, top = low, high
        while top - bottom > 1 and (releases := seen.at((bottom + top) // 2).releases) is not None:
            middle = (bottom + top) // 2
            bottom, top = (middle, top) if releases == before else (bottom, middle)
        if seen.again(bottom) and seen.again(top):
            return Change(last=bottom, first=top, releases=not before)
        low, high = bottom, top
        while (low, high) != (lowest, highest):  # a look was wrong, or it is no matter of the size alone
            step *= _FACTOR
            low, high = max(lowest, bottom - step), min(highest, top + step)
            seen.rows = {n: row for n, row in seen.rows.items() if not lowest < n < highest}
            if seen.at(low).releases == before and seen.at(high).releases == (not before):
                break
    return Change(last=lowest, first=highest, releases=not before)


def _at(text: str, n: int, *, ends_s: float) -> SizedCall:
    """Look at one size."""
    if time.perf_counter() > ends_s:
        return SizedCall(n=n, reason=f"not looked at: all sizes together may take {_LIMIT_S:g} s")
    try:
        call = bind(check_snippet(text.replace(PLACE, str(n))))
        call()  # imports, compiles, fills caches
    except Exception as error:  # noqa: BLE001 - calls may raise anything
        return SizedCall(n=n, reason=f"{type(error).__name__}: {error}")
    windows: list[WatchedCalls] = []
    for _ in range(_MOST_WINDOWS):
        found = watched_calls(call, window_s=_WINDOW_S, fewest=_FEWEST_CALLS)
        windows += [found] if found is not None else []
        if len(windows) >= _FEWEST_WINDOWS and _decided(windows) is not None:
            break
    if len(windows) < _FEWEST_WINDOWS:
        return SizedCall(n=n, reason="the thread that traces the GIL did not get a CPU of its own")
    held = median_range([window.held for window in windows])
    calls = sum(window.calls for window in windows)
    return SizedCall(
        n=n,
        releases=_decided(windows),
        releases_per_call=sum(window.releases for window in windows) / calls,
        held=HeldShare(value=held.value, low=held.low, high=held.high),
        per_call_s=sum(window.wall_s for window in windows) / calls,
    )


def _decided(windows: Sequence[WatchedCalls]) -> bool | None:
    """Return what is certain; None where a few calls released it, or the time says otherwise.

    A thread that watches misses releases, and never makes one up.
    """
    calls, held = sum(window.calls for window in windows), median_range([window.held for window in windows]).value
    releases = sum(window.releases for window in windows)
    if held < HELD_RELEASED or releases >= max(_FEWEST_RELEASES, RELEASES_FROM * calls):
        return True
    return False if held >= HELD_ABOVE and releases <= max(1.0, HOLDS_BELOW * calls) else None
