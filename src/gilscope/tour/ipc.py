"""Chapter: how processes tell each other something."""

from __future__ import annotations

import os
import signal
import socket
import statistics
from collections.abc import Callable
from typing import Any

from gilscope.core import clocks
from gilscope.core.spec import Availability
from gilscope.core.trace import Recorder, Trace, duration
from gilscope.tour._light import TIMEOUT_S
from gilscope.tour._model import Chapter, Experiment, Figure, Verdict
from gilscope.tour._work import context

__all__ = ["CHAPTER"]

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


def through_a_pipe(log: Recorder) -> list[int]:
    """Exchange bytes through a pipe of multiprocessing."""
    ours, theirs = context().Pipe()
    child = context().Process(target=echo, args=(log, theirs.recv_bytes, theirs.send_bytes))
    return round_trips(log, child, ours.send_bytes, ours.recv_bytes)


def receive_from(end: socket.socket) -> bytes:
    """Return what comes through a socket."""
    return end.recv(len(MESSAGE))


def echo_socket(log: Recorder, end: socket.socket) -> None:
    """Be the child at the other end of a socket."""
    echo(log, lambda: receive_from(end), end.sendall)


def through_a_socket(log: Recorder) -> list[int]:
    """Exchange bytes through a pair of connected sockets."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        child = context().Process(target=echo_socket, args=(log, theirs))
        return round_trips(log, child, ours.sendall, lambda: receive_from(ours))


def echo_memory(log: Recorder, memory: Any, there: Any, back: Any) -> None:
    """Be the child that shares memory."""

    def receive() -> bytes:
        there.acquire()
        return bytes(memory)

    def send(message: bytes) -> None:
        memory[:] = message
        back.release()

    echo(log, receive, send)


def through_shared_memory(log: Recorder) -> list[int]:
    """Write bytes into memory that both processes see; semaphores say when."""
    memory = context().RawArray("B", len(MESSAGE))
    there, back = context().Semaphore(0), context().Semaphore(0)
    child = context().Process(target=echo_memory, args=(log, memory, there, back))

    def send(message: bytes) -> None:
        memory[:] = message
        there.release()

    def receive() -> bytes:
        back.acquire(timeout=TIMEOUT_S)
        return bytes(memory)

    return round_trips(log, child, send, receive)


def through_a_queue(log: Recorder) -> list[int]:
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


def through_signals(log: Recorder) -> list[int]:
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


def _judge(trace: Trace, facts: Any) -> Verdict:
    went = [m.sent_ns for m in trace.messages if m.source == "main" and m.name != "start"]
    came = [m.sent_ns for m in trace.messages if m.source == "child"]
    turns = sorted([(moment, "main") for moment in went] + [(moment, "child") for moment in came])
    in_turns = [who for _, who in turns] == ["main", "child"] * WRITTEN_DOWN
    median, slow = statistics.median(facts), sorted(facts)[int(0.95 * len(facts))]
    return Verdict(
        holds=in_turns and len(facts) == TRIPS,
        seen=f"{len(facts)} round trips: half of them took no more than {duration(median)}, one in twenty more than "
        f"{duration(slow)}.",
        figures=(
            Figure(name="median round trip", value=median / 1e9, unit="s"),
            Figure(name="95 % within", value=slow / 1e9, unit="s"),
        ),
    )


def _signals_available() -> Availability:
    if hasattr(signal, "sigwait") and hasattr(signal, "SIGUSR1"):
        return Availability(ok=True)
    return Availability(ok=False, reason="this system has no signals to wait for", cure="use Linux or macOS")


def _sockets_available() -> Availability:
    if os.name == "posix":
        return Availability(ok=True)
    return Availability(ok=False, reason="sockets cannot be handed to processes here", cure="use Linux or macOS")


_CLAIM = "Every message comes back, after the other process has had it."
_ORDER = ("main", "child")

CHAPTER = Chapter(
    name="ipc",
    title="Communication between processes",
    text="Processes share no memory by themselves. What one tells the other goes through the operating system: as "
    "bytes through a pipe or a socket, as memory that both can see, as objects in a queue, or as a bare signal. A "
    "round trip is there and back; on top of these figures comes what it costs to move the data itself.",
    experiments=(
        Experiment(
            name="pipe",
            title="A pipe",
            text="The simplest way: what is written at one end is read at the other.",
            shown=(echo, round_trips),
            program=through_a_pipe,
            order=_ORDER,
            claim=_CLAIM,
            judge=_judge,
        ),
        Experiment(
            name="socket",
            title="A socket",
            text="Like a pipe, both ways, and the other end may be on another machine.",
            shown=(receive_from, echo_socket),
            program=through_a_socket,
            order=_ORDER,
            claim=_CLAIM,
            judge=_judge,
            available=_sockets_available,
        ),
        Experiment(
            name="shared-memory",
            title="Shared memory",
            text="Nothing is copied however large the data is, but somebody has to say when it is there: here "
            "semaphores.",
            shown=(echo_memory,),
            program=through_shared_memory,
            order=_ORDER,
            claim=_CLAIM,
            judge=_judge,
        ),
        Experiment(
            name="queue",
            title="A message queue",
            text="Carries Python objects for any number of senders and receivers: pickling, a lock and a thread of its "
            "own make it the slowest.",
            program=through_a_queue,
            order=_ORDER,
            claim=_CLAIM,
            judge=_judge,
        ),
        Experiment(
            name="signal",
            title="A signal",
            text="Says that something happened, and nothing more.",
            shown=(pong, ping),
            program=through_signals,
            order=_ORDER,
            claim=_CLAIM,
            judge=_judge,
            available=_signals_available,
        ),
    ),
    remember="A round trip costs as much as ten thousand steps of a loop: send little, in large pieces. Large arrays "
    "belong into shared memory.",
)
