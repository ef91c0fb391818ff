"""The loop of the processes that measure: whatever happens becomes an answer, and the end of the supervisor its own."""

from __future__ import annotations

import os
import socket
import sys
from typing import Any

import pytest

from gilscope.core.errors import MeasurementError, UnavailableError
from gilscope.runner import serving
from gilscope.runner.wire import receive_message, receive_with_fds, send_with_fds


def answered(handle: Any) -> dict[str, Any]:
    data = bytearray(serving.answer(handle, {"op": "it"}, []))

    def read(count: int) -> bytes:
        part = bytes(data[:count])
        del data[:count]
        return part

    return receive_message(read)


def raising(error: BaseException) -> Any:
    def handle(message: dict[str, Any], fds: list[int]) -> dict[str, Any]:
        raise error

    return handle


def test_an_answer_has_a_status() -> None:
    assert answered(lambda message, fds: {"seconds": 1.5}) == {"status": "ok", "seconds": 1.5}


@pytest.mark.parametrize(
    ("error", "wanted"),
    [
        (UnavailableError("not here", "install it"), ("unavailable", "not here", "install it", "")),
        (MeasurementError("it broke", "traceback"), ("failed", "it broke", "", "traceback")),
    ],
)
def test_our_own_errors_keep_what_they_say(error: Exception, wanted: tuple[str, ...]) -> None:
    found = answered(raising(error))
    assert tuple(found[name] for name in ("status", "reason", "cure", "detail")) == wanted


@pytest.mark.parametrize("error", [ValueError("a\nb"), SystemExit(3)])
def test_other_peoples_errors_are_one_line_and_a_traceback(error: BaseException) -> None:
    found = answered(raising(error))
    assert found["status"] == "failed"
    assert found["reason"].startswith(type(error).__name__)
    assert "\n" not in found["reason"]
    assert "Traceback" in found["detail"]


def test_an_answer_that_json_cannot_hold_is_a_failure() -> None:
    assert answered(lambda message, fds: {"what": object()})["reason"].startswith("TypeError: Object of type object")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_messages_are_answered_until_the_supervisor_is_gone() -> None:
    ours, theirs = socket.socketpair()
    child = os.fork()
    if child == 0:
        ours.close()
        sys.argv = ["it", str(theirs.fileno())]
        serving.serve(lambda message, fds: {"twice": 2 * message["number"]})
    theirs.close()
    for number in (1, 2):
        send_with_fds(ours, {"number": number}, [])
        assert receive_with_fds(ours)[0] == {"status": "ok", "twice": 2 * number}
    ours.close()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
