"""``gilscope ipc``: what moving data costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gilscope.cli.verb import VerbOptions, verb

if TYPE_CHECKING:
    from gilscope.measure.events import Observer


@verb
def ipc(options: VerbOptions) -> int:
    """What does moving data cost? Latency and bandwidth of pipes, sockets, queues, pickle, shared memory and mapped
    files between processes, of queues between threads and interpreters; and the stages of one job per start method.
    """
    from gilscope import env
    from gilscope.cli.study import carry_out, taken_up
    from gilscope.studies import ipc as study
    from gilscope.studies.host import StudyHost
    from gilscope.studies.ipc_rows import IPC, IpcLog, IpcRequest

    folder, request, resume = taken_up(IPC, options.fill(IpcRequest), options)

    def measure(log: IpcLog, observer: Observer) -> None:
        with StudyHost(study.RUNNER) as host:
            study.measure(request, host, log, observer)

    return carry_out(IPC, request, env.capture(), measure, options, out=folder, resume=resume)
