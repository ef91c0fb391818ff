"""What workers started to be measured do: answer, then wait for the end. Imports nothing, which would be measured."""

from __future__ import annotations

from typing import Any

__all__ = ["process_main"]


def process_main(connection: Any) -> None:
    """Say that this process is there; end when asked, or when the parent is gone."""
    connection.send_bytes(b"ready")
    try:
        connection.recv_bytes()
    except EOFError:
        pass
