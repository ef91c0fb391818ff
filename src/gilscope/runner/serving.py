"""The loop of every process that measures: a message from the supervisor, an answer. Standard library only."""

from __future__ import annotations

import os
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from typing import Any, TypeAlias

from gilscope.core.errors import GilscopeError, UnavailableError, UsageError, one_line
from gilscope.runner.wire import frame, receive_with_fds

Handle: TypeAlias = Callable[[dict[str, Any], list[int]], dict[str, Any]]
"""(message, descriptors of the segments that came with it) -> JSON-able fields of the answer."""


def serve(handle: Handle) -> None:
    """Answer the supervisor on the socket whose descriptor is the first argument, until it is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the supervisor decides
    channel = socket.socket(fileno=int(sys.argv[1]))
    channel.set_inheritable(False)
    while True:
        try:
            message, fds = receive_with_fds(channel)
        except (EOFError, OSError):
            os._exit(0)
        channel.sendall(answer(handle, message, fds))


def answer(handle: Handle, message: dict[str, Any], fds: list[int]) -> bytes:
    """Return the framed answer; errors become data, including those about values JSON cannot hold."""
    try:
        return frame({"status": "ok", **handle(message, fds)})
    except UnavailableError as error:
        failed: dict[str, Any] = {"status": "unavailable", "reason": error.reason, "cure": error.cure, "detail": ""}
    except GilscopeError as error:
        refused, detail = isinstance(error, UsageError), getattr(error, "detail", "")
        failed = {"status": "failed", "reason": str(error), "cure": "", "detail": detail, "refused": refused}
    except BaseException as error:  # noqa: BLE001 - kernels, libraries and their imports may raise anything
        failed = {"status": "failed", "reason": one_line(error), "cure": "", "detail": traceback.format_exc()}
    return frame(failed)
