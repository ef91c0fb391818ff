"""The commit that is checked out where gilscope runs."""

import datetime
import subprocess
from pathlib import Path

_TIMEOUT_S = 5.0  # on a network file system that hangs


def describe(folder: Path | None = None) -> dict[str, str] | None:
    """Return ``id`` and ``time_utc`` of the commit; None without git, outside a repository, or before its first one."""
    command = ["git", "log", "-1", "--no-show-signature", "--format=%H %ct"]
    try:
        done = subprocess.run(
            command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_TIMEOUT_S,
            check=True,
        )  # fmt: skip
        identity, seconds = done.stdout.split()
        when = datetime.datetime.fromtimestamp(int(seconds), datetime.UTC)
    except (OSError, ValueError, OverflowError, subprocess.SubprocessError):
        return None
    return {"id": identity, "time_utc": when.isoformat(timespec="seconds")}
