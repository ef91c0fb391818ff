"""Progress on stderr while a study is measured: a bar on a terminal, plain lines elsewhere, or nothing.

Everything is drawn in the observer's calls, between rounds: a refresh thread would hold the GIL inside timed ones.
"""

from __future__ import annotations

import math
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from gilscope.cli.output import shown
from gilscope.core.cases import Case
from gilscope.core.errors import UsageError
from gilscope.core.records import CaseRecord
from gilscope.measure.events import Observer

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

PATIENCE_S = 2.0  # a request that is refused is refused by then, and its one line is all that is printed
LINE_EVERY_S = 5.0  # often enough to see that it lives, seldom enough for a log
_EXPECTED = ("ok", "unavailable")  # anything else is reported at once

_FIRST_ANSWER_S = 10.0  # seconds from the start after which somebody who waits wants to hear something
_LEAST_BLOCKS = 2  # a single one has no interval, so nothing follows from it
_WORTH_S = 2.0  # left of the budget: below that the final answer is as near


@contextmanager
def watch(*, quiet: bool, budget_s: float, first: str = "") -> Iterator[Observer]:
    """Give the observer that suits stderr, and clear its bar at the end; ``first`` is a line before all others."""
    if quiet:
        yield Observer()
    elif sys.stderr.isatty():
        with BarProgress.shown(budget_s) as bar, held_back(bar, first) as observer:
            yield observer
    else:
        with held_back(LineProgress(sys.stderr, budget_s=budget_s), first) as observer:
            yield observer


@contextmanager
def held_back(inner: Observer, first: str) -> Iterator[Observer]:
    """Pass on to ``inner`` what is seen, but nothing in the first seconds, and of a refused request nothing at all."""
    if not first:
        yield inner
        return
    patient = _Patient(inner, first)
    try:
        yield patient
    except UsageError:
        patient.drop()
        raise
    finally:
        patient.open()


class _Patient(Observer):
    """Passes all on to another observer; what is seen before ``open`` is kept for it, if it is not dropped."""

    def __init__(self, inner: Observer, first: str) -> None:
        self._inner, self._opened, self._lock = inner, False, threading.Lock()
        self._kept: list[Callable[[], None]] = [lambda: inner.message(first)]
        self._timer = threading.Timer(PATIENCE_S, self.open)  # of the time before anything is timed
        self._timer.daemon = True
        self._timer.start()

    def open(self) -> None:
        """Pass on what was kept, and everything from now on."""
        self._timer.cancel()
        with self._lock:
            self._opened = True
            for call in self._kept:
                call()
            self._kept.clear()

    def drop(self) -> None:
        """Forget what was kept."""
        with self._lock:
            self._kept.clear()

    def _pass(self, call: Callable[[], None]) -> None:
        with self._lock:
            if not self._opened:
                self._kept.append(call)
                return
        call()

    def preparing(self, case: Case, done: int, total: int) -> None:
        self._pass(lambda: self._inner.preparing(case, done, total))

    def prepared(self, record: CaseRecord) -> None:
        self._pass(lambda: self._inner.prepared(record))

    def block_done(
        self, kernel: str, blocks: int, half_width: float | None, spent_s: float, seconds_left: float, timed_s: float
    ) -> None:
        self.open()
        self._inner.block_done(kernel, blocks, half_width, spent_s, seconds_left, timed_s)

    def message(self, text: str) -> None:
        self._pass(lambda: self._inner.message(text))


class _Complaining(Observer):
    """Reports at once what went wrong with a case."""

    def prepared(self, record: CaseRecord) -> None:
        if record.status not in _EXPECTED:
            reason = record.reason.removeprefix(f"{record.case.id}: ")
            self.message(f"{record.case.id}: {record.status.replace('_', ' ')}: {reason}")


class LineProgress(_Complaining):
    """Plain lines, at most one every few seconds; ``clock`` returns monotonic seconds."""

    def __init__(self, stream: TextIO, *, budget_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream, self._budget_s, self._clock = stream, budget_s, clock
        self._started_s = self._next_s = clock()

    def preparing(self, case: Case, done: int, total: int) -> None:
        left = preparing_left(self._clock() - self._started_s, done, total, self._budget_s)
        self._seldom(f"preparing {done + 1}/{total} {case.id}, {left}")

    def block_done(
        self, kernel: str, blocks: int, half_width: float | None, spent_s: float, seconds_left: float, timed_s: float
    ) -> None:
        self._seldom(f"measuring {block_facts(kernel, blocks, half_width)}, {clock_time(seconds_left)} left")

    def message(self, text: str) -> None:
        self._stream.write(shown(" ".join(text.split())) + "\n")
        self._stream.flush()

    def _seldom(self, text: str) -> None:
        now_s = self._clock()
        if now_s >= self._next_s:
            self._next_s = now_s + LINE_EVERY_S
            self.message(text)


class BarProgress(_Complaining):
    """One bar on the terminal, drawn at most once per block."""

    def __init__(self, progress: Progress, task: TaskID, *, budget_s: float) -> None:
        self._progress, self._task, self._budget_s = progress, task, budget_s
        self._started_s = time.monotonic()

    @classmethod
    @contextmanager
    def shown(cls, budget_s: float) -> Iterator[BarProgress]:
        """Show the bar on stderr until the block ends."""
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        with Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            TextColumn("{task.fields[detail]}"),
            console=Console(stderr=True),
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        ) as progress:
            yield cls(progress, progress.add_task("preparing", total=None, detail=""), budget_s=budget_s)

    def preparing(self, case: Case, done: int, total: int) -> None:
        left = preparing_left(time.monotonic() - self._started_s, done, total, self._budget_s)
        self._draw(f"preparing {done + 1}/{total}", done, total, f"{left}  {case.id}")

    def block_done(
        self, kernel: str, blocks: int, half_width: float | None, spent_s: float, seconds_left: float, timed_s: float
    ) -> None:
        detail = f"{clock_time(seconds_left)} left  {block_facts(kernel, blocks, half_width)}"
        self._draw("measuring", spent_s, spent_s + seconds_left, detail)

    def message(self, text: str) -> None:
        self._progress.console.print(shown(" ".join(text.split())), markup=False, highlight=False)

    def _draw(self, phase: str, completed: float, total: float, detail: str) -> None:
        self._progress.update(self._task, description=phase, completed=completed, total=max(total, 1e-9), detail=detail)
        self._progress.refresh()


class Provisional(Observer):
    """Passes all on to ``inner``, and once, after a block when it is due, what ``answer`` says of the result so far."""

    def __init__(
        self, inner: Observer, answer: Callable[[Path], str], path: Path, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._inner, self._answer, self._path, self._clock = inner, answer, path, clock
        self._started_s = clock()
        self._given = False

    def preparing(self, case: Case, done: int, total: int) -> None:
        self._inner.preparing(case, done, total)

    def prepared(self, record: CaseRecord) -> None:
        self._inner.prepared(record)

    def block_done(
        self, kernel: str, blocks: int, half_width: float | None, spent_s: float, seconds_left: float, timed_s: float
    ) -> None:
        self._inner.block_done(kernel, blocks, half_width, spent_s, seconds_left, timed_s)
        spent_s = self._clock() - self._started_s
        if self._given or spent_s < _FIRST_ANSWER_S or blocks < _LEAST_BLOCKS or seconds_left < _WORTH_S:
            return
        self._given = True
        answer = self._answer(self._path)
        self._inner.message(
            f"so far, after {spent_s:.0f} s and {blocks} blocks: {answer} "
            f"This may still change: measuring goes on for up to {seconds_left:.0f} s."
        )

    def message(self, text: str) -> None:
        self._inner.message(text)


def clock_time(seconds: float) -> str:
    """Write seconds as ``1:05``."""
    whole = max(0, round(seconds))
    return f"{whole // 60}:{whole % 60:02d}"


def preparing_left(spent_s: float, done: int, total: int, budget_s: float) -> str:
    """Say how long preparing and measuring will still take, extrapolated once a first case is done."""
    if not done:
        return f"then up to {clock_time(budget_s)} of measuring"
    return f"about {clock_time(spent_s / done * (total - done) + budget_s)} left"


def block_facts(kernel: str, blocks: int, half_width: float | None) -> str:
    """Say how far the measurement of a kernel is."""
    count = f"{kernel}: {blocks} block" + ("" if blocks == 1 else "s")
    if half_width is None or not math.isfinite(half_width):
        return count
    return f"{count}, widest interval ±{100 * half_width:.1f} %"
