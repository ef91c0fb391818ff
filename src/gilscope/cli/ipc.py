"""``gilscope ipc``: what moving data costs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

import typer

from gilscope.cli.options import Json, Out, Quiet, Resume, Seed
from gilscope.core.errors import UsageError

if TYPE_CHECKING:
    from gilscope.measure.events import Observer

__all__ = ["ipc", "parse_sizes"]

_UNITS = {"": 1, "b": 1, "k": 10, "m": 20, "g": 30}
_MOST_BYTES = 1 << 40  # more than any transfer of one piece is good for


def ipc(
    sizes: Annotated[
        str | None,
        typer.Option("--sizes", metavar="a,b", help="Payloads [1KiB,32KiB,1MiB,32MiB,1GiB, as far as they fit]."),
    ] = None,
    start_method: Annotated[
        str | None, typer.Option("--start-method", metavar="a,b", help="Of the jobs [fork, forkserver, spawn].")
    ] = None,
    budget: Annotated[
        str | None, typer.Option("--budget", metavar="60s", help="Time from the first counted round on [60s].")
    ] = None,
    seed: Seed = None,
    out: Out = None,
    resume: Resume = False,
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """What does moving data cost? Latency and bandwidth of pipes, sockets, queues, pickle, shared memory and mapped
    files between processes, of queues between threads and interpreters; and the stages of one job per start method.
    """
    from gilscope import env
    from gilscope.cli.study import carry_out, common, taken_up
    from gilscope.studies import ipc as study
    from gilscope.studies.host import StudyHost
    from gilscope.studies.ipc_rows import IPC, IpcLog, IpcRequest

    given = {"start-method": start_method, "budget": budget, "seed": seed}
    options, folder = common({**given, "out": out})
    options.pop("workers")
    if start_method is None:
        options.pop("start_methods", None)
    if sizes is not None:
        options["sizes"] = parse_sizes(sizes)
    request = IpcRequest(**options)
    if resume:
        folder, request, resume = taken_up(IPC, request, {**given, "sizes": sizes}, folder)

    def measure(log: IpcLog, observer: Observer) -> None:
        with StudyHost(study.RUNNER) as host:
            study.measure(request, host, log, observer)

    return carry_out(IPC, request, env.capture(), measure, folder, resume=resume, json=json, quiet=quiet)


def parse_sizes(text: str) -> tuple[int, ...]:
    """Read ``1KiB,1MiB,1G`` as bytes, smallest first, each once; prefixes are binary.

    Raises
    ------
    UsageError
    """
    found = set()
    for word in filter(None, (part.strip() for part in text.split(","))):
        match = re.fullmatch(r"(\d{1,15})\s*([kmg]?)(?:i?b)?", word.lower(), re.ASCII)
        nbytes = int(match[1]) << _UNITS[match[2]] if match and match[2] else int(match[1]) if match else 0
        if not 1 <= nbytes <= _MOST_BYTES:
            raise UsageError(f"size {word!r} is no number of bytes from 1 to 1024GiB: write sizes like 1KiB,1MiB,1GiB")
        found.add(nbytes)
    if not found:
        raise UsageError(f"no size in {text!r}: write sizes like 1KiB,1MiB,1GiB")
    return tuple(sorted(found))
