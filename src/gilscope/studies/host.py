"""Processes that measure what no case of the comparison can: the same supervisor, a runner of the study's own."""

from __future__ import annotations

from typing import Any

from gilscope.errors import RoundTimeoutError, WorkerDiedError, WorkerRaisedError
from gilscope.measure.host import SupervisedHost

__all__ = ["StudyHost"]


class StudyHost(SupervisedHost):
    """A supervisor whose runners execute a module of a study.

    Parameters
    ----------
    module : str
        Its ``main`` calls `serving.serve`.
    workers : int
        The most that are asked of it: so many more processes are no fork bomb.
    """

    def __init__(self, module: str, workers: int = 1) -> None:
        super().__init__({}, workers)
        self._module = module

    def __enter__(self) -> StudyHost:
        return self

    def ask(self, runner: str, message: dict[str, Any], timeout_s: float) -> dict[str, Any]:
        """Send a message to a runner, which is started when it is first asked; return its answer.

        Raises
        ------
        MeasurementError
            If it raised, died or did not answer in time; it is gone then, with everything it had started.
        """
        answer = self._exchange(
            {
                "op": "call",
                "runner": runner,
                "python": "",
                "config": {"module": self._module},
                "environment": {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
                "message": message,
                "segments": [],
                "timeout_s": timeout_s,
            }
        )
        if answer["status"] != "ok":
            kind = RoundTimeoutError if answer["status"] == "timeout" else WorkerDiedError
            raise kind(f"its process {answer['reason']}", answer["output"])
        reply: dict[str, Any] = answer["reply"]
        if reply["status"] != "ok":
            self.end(runner)  # what it had started may be in any state
            raise WorkerRaisedError(reply["reason"], reply["detail"])
        return reply

    def end(self, runner: str) -> None:
        """End a runner and everything it has started."""
        self._exchange({"op": "stop", "runner": runner})
