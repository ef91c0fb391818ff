"""The other side of `host.StudyHost`: a process that does what it is asked. Standard library only: it starts fast."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from typing import Any

from gilscope.errors import GilscopeError
from gilscope.measure.wire import receive_with_fds, send_with_fds

__all__ = ["serve"]


def serve(handle: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Answer the supervisor on the socket whose descriptor is the first argument, until it is gone.

    Parameters
    ----------
    handle : callable (message) -> JSON-able fields of the answer
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started us decides
    channel = socket.socket(fileno=int(sys.argv[1]))
    channel.set_inheritable(False)
    while True:
        try:
            message, _ = receive_with_fds(channel)
        except (EOFError, OSError):
            os._exit(0)
        send_with_fds(channel, _answer(handle, message), [])


def _answer(handle: Callable[[dict[str, Any]], dict[str, Any]], message: dict[str, Any]) -> dict[str, Any]:
    try:
        answer = {"status": "ok", **handle(message)}
        json.dumps(answer)
    except GilscopeError as error:
        answer = {"status": "failed", "reason": str(error), "detail": ""}
    except Exception as error:  # noqa: BLE001 - other people's libraries may raise anything
        reason = "".join(traceback.format_exception_only(error)).strip()
        answer = {"status": "failed", "reason": reason, "detail": traceback.format_exc()}
    return answer
