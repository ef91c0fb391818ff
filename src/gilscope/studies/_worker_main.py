"""What worker processes do while they are measured. Imports next to nothing, which would be measured too."""

from typing import Any


def process_main(connection: Any) -> None:
    """Report that this process is there; end on a message, or when the parent is gone."""
    connection.send_bytes(b"ready")
    try:
        connection.recv_bytes()
    except EOFError:
        pass
