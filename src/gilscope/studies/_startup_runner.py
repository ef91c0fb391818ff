"""A fresh process that starts workers of one kind, twice, and measures how long that takes."""

from typing import Any

from gilscope.core import clocks
from gilscope.core.memory import family_pss_bytes
from gilscope.core.registry import is_engine
from gilscope.runner.serving import serve
from gilscope.studies._startup_kinds import load


def once(message: dict[str, Any], fds: list[int]) -> dict[str, Any]:
    """Start and end ``message["workers"]`` workers of ``message["kind"]``; the second time without reading memory."""
    workers = message["workers"]
    before_ns = clocks.wall_ns()
    start = load(message["kind"])
    loaded_ns = clocks.wall_ns()
    own = family_pss_bytes() if not is_engine(message["kind"]) else None
    begin_ns = clocks.wall_ns()
    stop = start(workers)
    ready_ns = clocks.wall_ns()
    together = family_pss_bytes()
    ending_ns = clocks.wall_ns()
    stop()
    ended_ns = clocks.wall_ns()
    start(workers)()
    again_ns = clocks.wall_ns() - ended_ns
    return {
        "import_s": (loaded_ns - before_ns) / 1e9,
        "create_s": (ready_ns - begin_ns) / 1e9,
        "join_s": (ended_ns - ending_ns) / 1e9,
        "total_s": (ready_ns - begin_ns + ended_ns - ending_ns) / 1e9,
        "again_s": again_ns / 1e9,
        "pss_bytes": None if own is None or together is None else (together - own) / workers,
    }


def main() -> None:
    """Serve the supervisor."""
    serve(once)
