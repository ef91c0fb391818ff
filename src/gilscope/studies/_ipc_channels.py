"""The ways payloads travel, and the two sides of a transfer. Standard library only: peers import this.

One side sends a payload and waits for a time stamp; the other, the *peer*, replies with the time at which it had all
of it. Both read one clock (``clocks.wall_ns``), so a one-way time needs no halving.
"""

import mmap
import os
import pickle
import signal
import struct
import tempfile
import zlib
from collections.abc import Callable, Mapping
from functools import partial
from multiprocessing import shared_memory
from typing import TYPE_CHECKING, Any, TypeAlias

from gilscope.core import clocks
from gilscope.executors._interpreter_worker import read_message, write_message
from gilscope.executors._process_worker import die_with_parent

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

_STAMP = struct.Struct("=q")
_READY, _WAITING, _NOTICE = b"ready", b"waiting", b"!"


class FdControl:
    """A connection over two pipes, for sub-interpreters, which share descriptors but no objects."""

    def __init__(self, read_fd: int, write_fd: int) -> None:
        self._read_fd, self._write_fd = read_fd, write_fd

    def send(self, message: Any) -> None:
        write_message(self._write_fd, message)

    def recv(self) -> Any:
        return read_message(self._read_fd)

    send_bytes, recv_bytes = send, recv


Control: TypeAlias = "Connection[Any, Any] | FdControl"
"""What both sides tell each other beside the payload."""


class End:
    """A channel as both sides have it; pickled to the peer when that is started.

    The sender calls ``room``, per payload ``before`` and ``send``, then ``close``; the peer ``enter``, per payload
    ``receive``, then ``leave``.
    """

    def room(self, nbytes: int) -> Any:
        """Make room for payloads of a size; return what the peer's ``enter`` needs."""

    def enter(self, message: Any) -> None:
        """Take over what ``room`` returned."""

    def before(self, control: Control, pid: int) -> None:
        """Wait until the peer is where it must be; not timed."""

    def send(self, payload: bytearray) -> None:
        raise NotImplementedError

    def receive(self, control: Control) -> Any:
        """Wait for one payload; return it, or None from a channel without payload."""
        raise NotImplementedError

    def leave(self) -> None:
        """Give back what ``enter`` took."""

    def close(self) -> None:
        """Give back what ``room`` took."""


class Pipe(End):
    """``multiprocessing.Pipe``: a pipe of the system, or a pair of Unix sockets if it is duplex."""

    def __init__(self, context: Any, *, duplex: bool = False) -> None:
        self.reader, self.writer = context.Pipe(duplex=duplex)

    def send(self, payload: bytearray) -> None:
        self.writer.send_bytes(payload)

    def receive(self, control: Control) -> Any:
        return self.reader.recv_bytes()


class QueueEnd(End):
    """Any queue: of processes (pickles; ``Queue`` sends by a thread), threads (no copy) or interpreters (PEP 734)."""

    def __init__(self, queue: Any) -> None:
        self.queue = queue

    def send(self, payload: bytearray) -> None:
        self.queue.put(payload)

    def receive(self, control: Control) -> Any:
        return self.queue.get()


class BufferHolder:
    """An object that holds a buffer, as NumPy arrays do: pickle protocol 5 can leave the buffer out."""

    def __init__(self, data: Any) -> None:
        self.data = data

    def __reduce_ex__(self, protocol: Any) -> Any:
        return BufferHolder, (pickle.PickleBuffer(self.data),)


class PickleInBand(Pipe):
    """Pickle protocol 5 with the buffer inside the stream: copied on both sides."""

    def send(self, payload: bytearray) -> None:
        self.writer.send_bytes(pickle.dumps(BufferHolder(payload), protocol=5))

    def receive(self, control: Control) -> Any:
        return pickle.loads(self.reader.recv_bytes()).data


class PickleOutOfBand(Pipe):
    """Pickle protocol 5 with the buffer sent by itself: no copy but the pipe's."""

    def send(self, payload: bytearray) -> None:
        buffers: list[pickle.PickleBuffer] = []
        self.writer.send_bytes(pickle.dumps(BufferHolder(payload), protocol=5, buffer_callback=buffers.append))
        for buffer in buffers:
            self.writer.send_bytes(buffer.raw())

    def receive(self, control: Control) -> Any:
        head, buffer = self.reader.recv_bytes(), self.reader.recv_bytes()
        return pickle.loads(head, buffers=[buffer]).data


class Notify(Pipe):
    """Memory that both sides have mapped, and one byte through a pipe when the payload is there."""

    memory: Any = None
    size = 0

    def send(self, payload: bytearray) -> None:
        self.memory[: self.size] = payload
        self.writer.send_bytes(_NOTICE)

    def receive(self, control: Control) -> Any:
        self.reader.recv_bytes()
        return self.memory


class SharedMemory(Notify):
    """``multiprocessing.shared_memory``."""

    block: Any = None

    def room(self, nbytes: int) -> Any:
        self.close()
        self.block = shared_memory.SharedMemory(create=True, size=max(1, nbytes))
        self.memory, self.size = self.block.buf, nbytes
        return self.block.name, nbytes

    def enter(self, message: Any) -> None:
        name, self.size = message
        self.block = shared_memory.SharedMemory(name)
        self.memory = self.block.buf[: self.size]

    def leave(self) -> None:
        self.memory.release()
        self.block.close()
        self.memory = self.block = None

    def close(self) -> None:
        if self.block is not None:
            self.memory = None
            self.block.close()
            self.block.unlink()
            self.block = None


class MappedFile(Notify):
    """A file in the folder for temporary files that both sides have mapped."""

    path = ""

    def room(self, nbytes: int) -> Any:
        self.close()
        fd, self.path = tempfile.mkstemp(prefix="gilscope-")
        os.ftruncate(fd, max(1, nbytes))
        self.memory, self.size = mmap.mmap(fd, max(1, nbytes)), nbytes
        os.close(fd)
        return self.path, nbytes

    def enter(self, message: Any) -> None:
        path, self.size = message
        with open(path, "r+b") as file:
            self.memory = mmap.mmap(file.fileno(), max(1, self.size))

    def leave(self) -> None:
        self.memory.close()
        self.memory = None

    def close(self) -> None:
        if self.path:
            self.leave()
            os.unlink(self.path)
            self.path = ""


class SignalEnd(End):
    """A signal to a process that waits for it: no payload."""

    pid = 0

    def enter(self, message: Any) -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})

    def before(self, control: Control, pid: int) -> None:
        self.pid = pid

    def send(self, payload: bytearray) -> None:
        os.kill(self.pid, signal.SIGUSR1)

    def receive(self, control: Control) -> Any:
        signal.sigwait({signal.SIGUSR1})


class ConditionEnd(End):
    """``multiprocessing.Condition``: notify and wait, no payload."""

    def __init__(self, context: Any) -> None:
        self.condition = context.Condition()

    def before(self, control: Control, pid: int) -> None:
        control.recv_bytes()

    def send(self, payload: bytearray) -> None:
        with self.condition:
            self.condition.notify()

    def receive(self, control: Control) -> Any:
        with self.condition:  # held until wait() releases it: nobody can notify before
            control.send_bytes(_WAITING)
            self.condition.wait()


PROCESS_CHANNELS: Mapping[str, Callable[[Any], Any]] = {
    "pipe": Pipe,
    "socket_pair": partial(Pipe, duplex=True),
    "mp_queue": lambda context: QueueEnd(context.Queue()),
    "mp_simple_queue": lambda context: QueueEnd(context.SimpleQueue()),
    "pickle_in_band": PickleInBand,
    "pickle_out_of_band": PickleOutOfBand,
    "shared_memory": SharedMemory,
    "mapped_file": MappedFile,
    "signal": lambda context: SignalEnd(),
    "condition": ConditionEnd,
}
"""Name -> callable (multiprocessing context) -> End."""


def process_peer(end: End, control: Control) -> None:
    """Be the peer in a process of its own."""
    die_with_parent()
    peer(end, control)


def peer(end: End, control: Control) -> None:
    """Receive payloads until the other side is gone."""
    while True:
        try:
            transfers, room = control.recv()
        except (EOFError, OSError):
            return
        end.enter(room)
        control.send_bytes(_READY)
        data = None
        for _ in range(transfers):
            data = None  # so that there is room for the next one
            data = end.receive(control)
            control.send_bytes(_STAMP.pack(clocks.wall_ns()))
        control.send(None if data is None else zlib.adler32(data))  # None: a channel without payload
        data = None
        end.leave()


def transfer(end: End, control: Control, payload: Any, transfers: int, pid: int = 0) -> tuple[list[int], bool]:
    """Send a payload again and again; return the one-way times in ns, and whether the last one arrived intact."""
    control.send((transfers + 1, end.room(len(payload))))  # the first wakes the peer and faults the pages in
    control.recv_bytes()
    times_ns = []
    for _ in range(transfers + 1):
        end.before(control, pid)
        start_ns = clocks.wall_ns()
        end.send(payload)
        (received_ns,) = _STAMP.unpack(control.recv_bytes())
        times_ns.append(received_ns - start_ns)
    sent = zlib.adler32(payload)  # while the peer does the same
    arrived = control.recv()
    end.close()
    return times_ns[1:], arrived in (None, sent)
