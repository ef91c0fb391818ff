"""The process that sends: rounds of transfers through any channel, and single jobs. Standard library only."""

import multiprocessing
import os
import queue
import statistics
import sys
import threading
from typing import Any, TypeAlias

from gilscope.core.errors import MeasurementError
from gilscope.core.pep734 import api
from gilscope.executors.processes import default_start_method
from gilscope.runner.serving import serve
from gilscope.studies import _ipc_channels as channels
from gilscope.studies._ipc_job import one_job

_MARK_EVERY = 1 << 16  # payloads of different rounds differ in every page of this size
_KEEP_BYTES = 1 << 26  # larger payloads are made anew for each round, so that memory is free between them

_Opened: TypeAlias = tuple[channels.End, Any, int]
"""A channel, the control of its peer, and the peer's process id (0: not a process)."""


class Peers:
    """The peers of this process, each started when its channel is first used."""

    def __init__(self) -> None:
        self._open: dict[str, _Opened] = {}
        self._payloads: dict[int, bytearray] = {}
        self._rounds = 0

    def round(self, message: dict[str, Any]) -> dict[str, Any]:
        """Measure one round; MeasurementError if a payload did not arrive intact."""
        name, nbytes = message["channel"], message["bytes"]
        if name not in self._open:
            self._open[name] = _interpreter_peer() if name == "interpreter_queue" else _peer(name)
        end, control, pid = self._open[name]
        payload = self._payload(nbytes)
        sent = bytes(payload) if name == "interpreter_queue" else payload  # other types than bytes would be pickled
        times_ns, intact = channels.transfer(end, control, sent, message["transfers"], pid)
        if not intact:
            raise MeasurementError(f"{name}: what arrived of {nbytes} bytes is not what was sent")
        return {"seconds": max(1, statistics.median(times_ns)) / 1e9}  # a coarse clock may read twice the same

    def _payload(self, nbytes: int) -> bytearray:
        """Return bytes that differ from those of the round before."""
        self._rounds += 1
        payload = self._payloads.get(nbytes)
        if payload is None:
            pattern = os.urandom(min(nbytes, 1 << 20)) or b"\0"
            payload = bytearray((pattern * (nbytes // len(pattern) + 1))[:nbytes])
            if nbytes <= _KEEP_BYTES:
                self._payloads[nbytes] = payload
        for place in range(0, nbytes, _MARK_EVERY):
            payload[place] = (payload[place] + self._rounds) % 256
        return payload


def _peer(name: str) -> _Opened:
    """Start a thread or a process that is the peer."""
    context: Any = multiprocessing.get_context(default_start_method())
    ours, theirs = context.Pipe()
    if name == "thread_queue":
        shared = channels.QueueEnd(queue.SimpleQueue())
        threading.Thread(target=channels.peer, args=(shared, theirs), daemon=True).start()
        return shared, ours, 0
    end = channels.PROCESS_CHANNELS[name](context)
    process = context.Process(target=channels.process_peer, args=(end, theirs), daemon=True)
    process.start()
    theirs.close()
    return end, ours, process.pid


def _interpreter_peer() -> _Opened:
    """Start a sub-interpreter that is the peer, in a thread of its own."""
    pep734 = api()
    shared = pep734.create_queue()
    read_fd, their_write_fd = os.pipe()
    their_read_fd, write_fd = os.pipe()

    def live() -> None:
        try:
            interpreter = pep734.create()
            interpreter.exec(
                f"import sys\nsys.path[:] = {sys.path!r}\n"
                f"from {type(shared).__module__} import Queue\n"
                "from gilscope.studies._ipc_channels import FdControl, QueueEnd, peer\n"
                f"peer(QueueEnd(Queue({shared.id})), FdControl({their_read_fd}, {their_write_fd}))\n"
            )
        finally:
            os.close(their_write_fd)  # so that whoever waits for a reply sees the end of file

    threading.Thread(target=live, daemon=True).start()
    return channels.QueueEnd(shared), channels.FdControl(read_fd, write_fd), 0


def main() -> None:
    """Serve the supervisor."""
    peers = Peers()

    def handle(message: dict[str, Any], fds: list[int]) -> dict[str, Any]:
        if message["op"] == "job":
            return one_job(message["start_method"], message["bytes"], message["module"])
        return peers.round(message)

    serve(handle)
