"""What a traced worker does, be it thread, process, interpreter or task; every step is recorded."""

import json
import os
import pickle
import threading
from collections.abc import Callable, Sequence
from typing import Any

from gilscope.core import clocks
from gilscope.core.errors import GilscopeError
from gilscope.core.trace import Recorder
from gilscope.kernels._calls import Calls, import_target

PATIENCE_S = 600.0  # for the others at the start; whoever hangs is ended by the time-out of the whole


def _calls_of(log: Recorder, lane: str, text: str) -> Calls:
    """Import the function, then make its arguments."""
    definition = json.loads(text)
    with log.span(lane, "import", "import"):
        if not definition.get("code"):
            import_target(definition["target"], definition["folder"])
    with log.span(lane, "make the arguments", "unpickle"):
        return Calls(definition)


def work(log: Recorder, lane: str, text: str, indices: Sequence[int], gather: Callable[[], Any]) -> list[Any]:
    """Import, meet the others, call once per index; return the results."""
    calls = _calls_of(log, lane, text)
    with log.span(lane, "wait for the others", "barrier"):
        gather()
    return [_called(log, lane, calls, index) for index in indices]


def _called(log: Recorder, lane: str, calls: Calls, index: int) -> Any:
    with log.span(lane, f"call {index}"):
        return calls.one(index)


def attempt(log: Recorder, do: Callable[[], Any], give_up: Callable[[], None]) -> None:
    """Do a worker's part; what the user's code raises becomes the problem of the run."""
    try:
        do()
    except threading.BrokenBarrierError:
        pass  # another worker gave up and has recorded why
    except BaseException as error:  # noqa: BLE001 - SystemExit too
        ours = isinstance(error, GilscopeError)
        log.fact("problem", str(error) if ours else f"{type(error).__name__}: {error}")
        give_up()


def in_process(log: Recorder, lane: str, started_ns: int, connection: Any, barrier: Any) -> None:
    """Be a worker process: the work comes through the connection, and the results go back."""
    log.did(lane, "start", started_ns, clocks.wall_ns(), "start")

    def do() -> None:
        with log.span(lane, "receive the work", "hand_over"):
            text, indices = connection.recv()
        results = work(log, lane, text, indices, lambda: barrier.wait(PATIENCE_S))
        with log.span(lane, "pickle and send the results", "send"):
            connection.send_bytes(pickle.dumps(results))
        log.tell(lane, "main", "results")

    attempt(log, do, barrier.abort)
    connection.close()


def in_interpreter(
    path: str, lane: str, text: str, indices: Sequence[int], started_ns: int, arrived: int, go: int
) -> None:
    """Be a worker interpreter: it reports through one pipe that it is ready, and begins on a byte from another."""
    log = Recorder(path)
    log.did(lane, "start", started_ns, clocks.wall_ns(), "start")
    came: list[int] = []

    def gather() -> None:
        came.append(os.write(arrived, b"."))
        os.read(go, 1)

    def do() -> None:
        work(log, lane, text, indices, gather)
        log.tell(lane, "main", "done")

    def give_up() -> None:
        if not came:  # the others wait for this one
            os.write(arrived, b".")

    attempt(log, do, give_up)


_made: dict[str, Calls] = {}


def in_task(path: str, lane: str, text: str, index: int) -> Any:
    """Be a task on a Dask worker, whose process imports once."""
    log = Recorder(path)
    try:
        if text not in _made:
            _made[text] = _calls_of(log, lane, text)
        result = _called(log, lane, _made[text], index)
        log.tell(lane, "main", f"result {index}")
        return result
    finally:
        log.close()
