"""Frames between CLI, supervisor and runners: four bytes of length, then JSON. Nothing is ever unpickled."""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gilscope.core.records import Round, Stamp

_HEADER = struct.Struct("!I")
_MAX_FDS = 16


def frame(message: Mapping[str, Any]) -> bytes:
    """Return the bytes of one message."""
    body = json.dumps(message, separators=(",", ":")).encode()
    return _HEADER.pack(len(body)) + body


def receive_message(read: Callable[[int], bytes]) -> dict[str, Any]:
    """Read one message with ``read(n)``, which returns up to n bytes and none at the end; EOFError without one."""
    (length,) = _HEADER.unpack(_exactly(read, _HEADER.size))
    message: dict[str, Any] = json.loads(_exactly(read, length))
    return message


def _exactly(read: Callable[[int], bytes], count: int) -> bytes:
    parts = []
    while count:
        part = read(count)
        if not part:
            raise EOFError("the other side is gone")
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def send_with_fds(channel: socket.socket, message: Mapping[str, Any], fds: Sequence[int]) -> None:
    """Send one message; file descriptors travel with its first byte."""
    data = frame(message)
    sent = socket.send_fds(channel, [data], list(fds)) if fds else 0
    channel.sendall(data[sent:])


def receive_with_fds(channel: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """Read one message and the descriptors sent along with it; EOFError if the other side is gone."""
    head, fds, _, _ = socket.recv_fds(channel, _HEADER.size, _MAX_FDS)
    if not head:
        raise EOFError("the other side is gone")
    (length,) = _HEADER.unpack(head + _exactly(channel.recv, _HEADER.size - len(head)))
    return json.loads(_exactly(channel.recv, length)), list(fds)


def decode_round(fields: Mapping[str, Any]) -> Round:
    """Turn the fields of a round (``dataclasses.asdict``) back into it."""
    return Round(**{**fields, "stamps": tuple(Stamp(**stamp) for stamp in fields["stamps"])})
