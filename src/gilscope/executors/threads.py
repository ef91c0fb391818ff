"""Python threads of one process: parallel where the implementation releases the GIL or the build has none."""

import multiprocessing
import queue
import threading
from typing import Any

from gilscope.core import clocks
from gilscope.executors._pool import Pool
from gilscope.executors._shm import MappedChannel, Segment
from gilscope.executors._worker import serve


class _ThreadChannel(MappedChannel):
    """One worker's commands and answers; segments are the parent's own."""

    def __init__(self, index: int, answers: queue.SimpleQueue[Any], tokens: Any) -> None:
        super().__init__(tokens)
        self.index, self.answers = index, answers
        self.commands: queue.SimpleQueue[tuple[Any, ...]] = queue.SimpleQueue()

    def receive(self) -> tuple[Any, ...]:
        return self.commands.get()

    def send(self, answer: tuple[Any, ...]) -> None:
        self.answers.put((self.index, answer))

    def adopt(self, key: str, nbytes: int) -> None:
        """Nothing to do: ``ThreadPool.send_segment`` has stored it."""


class ThreadPool(Pool):
    """Threads that live until ``close``; idle ones block on a queue."""

    def __init__(self, max_workers: int, cpus: int, start_method: str = "") -> None:
        super().__init__(max_workers, cpus)
        tokens = self.token_pipes(multiprocessing.Pipe)
        self._answers: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._channels = [_ThreadChannel(index, self._answers, tokens) for index in range(max_workers)]
        self._threads = [
            threading.Thread(target=serve, args=(channel,), name=f"worker-{channel.index}", daemon=True)
            for channel in self._channels
        ]
        opened = clocks.wall_ns()
        for thread in self._threads:
            thread.start()
            self.ready_ns.append(clocks.wall_ns() - opened)  # Thread.start() returns once the thread runs

    def send(self, index: int, command: tuple[Any, ...]) -> None:
        self._channels[index].commands.put(command)

    def send_segment(self, index: int, key: str, segment: Segment) -> None:
        segment.map()  # here, where it may fail
        self._channels[index].segments[key] = segment

    def collect(self, workers: int) -> list[tuple[tuple[Any, ...], int]]:
        answers: dict[int, tuple[tuple[Any, ...], int]] = {}
        while len(answers) < workers:
            index, answer = self._answers.get()
            answers[index] = (answer, clocks.wall_ns())
        return [answers[index] for index in range(workers)]

    def close(self) -> None:
        for index in range(len(self._threads)):
            self.send(index, ("stop",))
        for thread in self._threads:
            thread.join(timeout=5)
        self._threads = []


open_pool = ThreadPool
