"""Chapter: how processes tell each other something."""

from __future__ import annotations

import os
import signal
import socket
import statistics
from collections.abc import Callable
from functools import partial
from typing import Any

from gilscope.core import clocks
from gilscope.core.trace import Recorder, Trace, duration
from gilscope.tour._light import TIMEOUT_S
from gilscope.tour._model import Chapter, Experiment, Judgement, seconds, when
from gilscope.tour._work import context

MESSAGE = b"ping"
TRIPS = 100
WRITTEN_DOWN = 2  # trips whose every step is recorded, before the ones that are timed


def echo(log: Recorder, receive: Callable[[], bytes], send: Callable[[bytes], Any]) -> None:
    """Send back what comes, in a process of its own."""
    for trip in range(WRITTEN_DOWN + TRIPS):
        message = receive()
        if trip < WRITTEN_DOWN:
            log.tell("child", "main", f"{message.decode()} came, pong")
        send(b"pong")


def round_trips(log: Recorder, child: Any, send: Callable[[bytes], Any], receive: Callable[[], bytes]) -> list[int]:
    """Let messages go to the child and back; return the nanoseconds of each trip."""
    log.tell("main", "child", "start")
    child.start()
    spent = []
    for _ in range(WRITTEN_DOWN):
        log.tell("main", "child", MESSAGE.decode())
        send(MESSAGE)
        with log.span("main", "wait for the answer", "wait"):
            assert receive() == b"pong"
    with log.span("main", f"{TRIPS} round trips", "send"):
        for _ in range(TRIPS):
            begun = clocks.wall_ns()
            send(MESSAGE)
            receive()
            spent.append(clocks.wall_ns() - begun)
    child.join(TIMEOUT_S)
    return spent


def pipe(log: Recorder) -> list[int]:
    """Exchange bytes through a pipe of multiprocessing."""
    ours, theirs = context().Pipe()
    child = context().Process(target=echo, args=(log, theirs.recv_bytes, theirs.send_bytes))
    return round_trips(log, child, ours.send_bytes, ours.recv_bytes)


def echo_socket(log: Recorder, end: socket.socket) -> None:
    """Be the child at the other end of a socket."""
    echo(log, partial(end.recv, len(MESSAGE)), end.sendall)


def socket_(log: Recorder) -> list[int]:
    """Exchange bytes through a pair of connected sockets."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        child = context().Process(target=echo_socket, args=(log, theirs))
        return round_trips(log, child, ours.sendall, partial(ours.recv, len(MESSAGE)))


def end_of_memory(memory: Any, wait: Any, tell: Any) -> tuple[Callable[[], bytes], Callable[[bytes], None]]:
    """Return how one of two processes that share memory receives and sends."""

    def receive() -> bytes:
        wait.acquire(timeout=TIMEOUT_S)
        return bytes(memory)

    def send(message: bytes) -> None:
        memory[:] = message
        tell.release()

    return receive, send


def echo_memory(log: Recorder, memory: Any, there: Any, back: Any) -> None:
    """Be the child that shares memory."""
    echo(log, *end_of_memory(memory, there, back))


def shared_memory(log: Recorder) -> list[int]:
    """Write bytes into memory that both processes see; semaphores say when."""
    memory = context().RawArray("B", len(MESSAGE))
    there, back = context().Semaphore(0), context().Semaphore(0)
    child = context().Process(target=echo_memory, args=(log, memory, there, back))
    receive, send = end_of_memory(memory, back, there)
    return round_trips(log, child, send, receive)


def queue(log: Recorder) -> list[int]:
    """Exchange objects through queues: pickled, sent by a thread, through a pipe."""
    there, back = context().Queue(), context().Queue()
    child = context().Process(target=echo, args=(log, there.get, back.put))
    try:
        return round_trips(log, child, there.put, lambda: bytes(back.get(timeout=TIMEOUT_S)))
    finally:
        for used in (there, back):
            used.close()
            used.join_thread()


def pong(log: Recorder, ready: Any) -> None:
    """Answer SIGUSR1 by SIGUSR2."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
    ready.send(os.getpid())
    parent = ready.recv()
    for trip in range(WRITTEN_DOWN + TRIPS):
        signal.sigwait({signal.SIGUSR1})
        if trip < WRITTEN_DOWN:
            log.tell("child", "main", "SIGUSR1 came, SIGUSR2")
        os.kill(parent, signal.SIGUSR2)


def ping(log: Recorder, ready: Any, result: Any) -> None:
    """Send SIGUSR1 and wait for SIGUSR2; in a process of its own, which has one thread to take signals."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR2})
    child = ready.recv()
    ready.send(os.getpid())
    spent = []
    for trip in range(WRITTEN_DOWN + TRIPS):
        begun = clocks.wall_ns()
        if trip < WRITTEN_DOWN:
            log.tell("main", "child", "SIGUSR1")
        os.kill(child, signal.SIGUSR1)
        signal.sigwait({signal.SIGUSR2})
        spent.append(clocks.wall_ns() - begun)
    result.send(spent[WRITTEN_DOWN:])


def signal_(log: Recorder) -> list[int]:
    """Exchange signals: no bytes at all, only that something happened."""
    one, other = context().Pipe()
    ours, theirs = context().Pipe()
    processes = [
        context().Process(target=pong, args=(log, one)),
        context().Process(target=ping, args=(log, other, theirs)),
    ]
    for process in processes:
        process.start()
    spent: list[int] = ours.recv()
    for process in processes:
        process.join(TIMEOUT_S)
    return spent


def _judge(trace: Trace, result: Any) -> Judgement:
    exchanged = sorted((m for m in trace.messages if m.name != "start"), key=lambda m: m.sent_ns)
    in_turns = [message.source for message in exchanged] == ["main", "child"] * WRITTEN_DOWN
    median, slow = statistics.median(result), sorted(result)[int(0.95 * len(result))]
    spread = f"half of them took no more than {duration(median)}, one in twenty more than {duration(slow)}"
    figures = (seconds("median round trip", median), seconds("95 % within", slow))
    return Judgement(in_turns and len(result) == TRIPS, f"{len(result)} round trips: {spread}.", figures)


_POSIX = os.name == "posix"
_experiment = partial(Experiment, claim="Every message comes back, after the other process has had it.", judge=_judge)

CHAPTER = Chapter(
    name="ipc",
    title="Communication between processes",
    text="Processes share no memory by themselves. What one tells the other goes through the operating system: as "
    "bytes through a pipe or a socket, as memory that both can see, as objects in a queue, or as a bare signal. A "
    "round trip is there and back; on top of these figures comes what it costs to move the data itself.",
    experiments=(
        _experiment(
            title="A pipe",
            text="The simplest way: what is written at one end is read at the other.",
            shown=(echo, round_trips),
            program=pipe,
        ),
        _experiment(
            title="A socket",
            text="Like a pipe, both ways, and the other end may be on another machine.",
            shown=(echo_socket,),
            program=socket_,
            available=partial(when, _POSIX, "sockets cannot be handed to processes here", "use Linux or macOS"),
        ),
        _experiment(
            title="Shared memory",
            text="Nothing is copied however large the data is, but somebody has to say when it is there: here "
            "semaphores.",
            shown=(end_of_memory, echo_memory),
            program=shared_memory,
        ),
        _experiment(
            title="A message queue",
            text="Carries Python objects for any number of senders and receivers: pickling, a lock and a thread of its "
            "own make it the slowest.",
            program=queue,
        ),
        _experiment(
            title="A signal",
            text="Says that something happened, and nothing more.",
            shown=(pong, ping),
            program=signal_,
            available=partial(when, _POSIX, "this system has no signals to wait for", "use Linux or macOS"),
        ),
    ),
    remember="A round trip costs as much as ten thousand steps of a loop: send little, in large pieces. Large arrays "
    "belong into shared memory.",
)
