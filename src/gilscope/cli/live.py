"""The whole screen of a terminal: drawn again and again by rich, keys read at once, and everything restored after."""

from __future__ import annotations

import os
import select
import shutil
import signal
import sys
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Self, TextIO

from gilscope.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.live import Live

_KEYS = b"qQ"


def refuse_without_terminal(stream: TextIO) -> None:
    """Raise UsageError unless keys can be read and the stream is a screen."""
    if not (_is_terminal(sys.stdin) and _is_terminal(stream)) or os.environ.get("TERM") == "dumb":
        raise UsageError("--live needs a terminal: leave it out, or do not redirect input and output")
    try:
        import termios  # noqa: F401
    except ImportError:
        raise UsageError("--live cannot read keys on this system: leave it out") from None


def _is_terminal(stream: TextIO | None) -> bool:
    return stream is not None and not stream.closed and stream.isatty()


class Screen:
    """The screen of ``stream`` while the body of a ``with`` statement runs; what was on it comes back at the end.

    Keys come from stdin without echo. Ctrl-C still interrupts.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream, self._stack = stream, ExitStack()
        self._live: Live | None = None

    def __enter__(self) -> Self:
        from rich.console import Console
        from rich.live import Live

        with ExitStack() as stack:
            stack.enter_context(_signals())
            stack.enter_context(_keys(sys.stdin.fileno()))
            console = Console(file=self._stream)
            self._live = stack.enter_context(
                Live(console=console, screen=True, auto_refresh=False, redirect_stdout=False, redirect_stderr=False)
            )
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def height(self) -> int:
        """Lines that fit."""
        return shutil.get_terminal_size().lines

    def show(self, text: str) -> None:
        """Draw a text in place of the last one; lines that are too long are cut."""
        from rich.text import Text

        assert self._live is not None
        self._live.update(Text(text, no_wrap=True, overflow="crop"), refresh=True)

    def wait(self, wait_s: float) -> bool:
        """Wait for so many seconds, or until q is pressed; return whether it was."""
        until_s = time.monotonic() + wait_s
        while (left_s := until_s - time.monotonic()) > 0:
            if not select.select([sys.stdin], [], [], left_s)[0]:
                break
            pressed = os.read(sys.stdin.fileno(), 64)
            if any(key in pressed for key in _KEYS):
                return True
            if not pressed:  # the terminal is gone: no key will come
                time.sleep(left_s)
        return False


@contextmanager
def _keys(fd: int) -> Iterator[None]:
    """Read keys as they are pressed, and none of them shown."""
    import termios
    import tty

    before = termios.tcgetattr(fd)
    try:
        tty.setcbreak(fd)
        yield
    finally:
        termios.tcsetattr(fd, termios.TCSADRAIN, before)


@contextmanager
def _signals() -> Iterator[None]:
    """Let signals that end the process do what ctrl-C does; one that stops it would leave the screen to the shell."""
    before = {number: signal.signal(number, signal.default_int_handler) for number in (signal.SIGTERM, signal.SIGHUP)}
    before[signal.SIGTSTP] = signal.signal(signal.SIGTSTP, signal.SIG_IGN)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
