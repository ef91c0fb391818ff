"""Processes that measure what no case of the comparison can: the same supervisor, with a runner of the study's own."""

from __future__ import annotations

from typing import Any

from gilscope.core.errors import WorkerRaisedError
from gilscope.measure.client import Launch, SupervisorClient, most_processes

_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


class StudyHost:
    """A supervisor whose runners execute ``module``: its ``main`` calls `gilscope.runner.serving.serve`.

    A runner with more processes than ``workers`` need is taken for a fork bomb.
    """

    def __init__(self, module: str, workers: int = 1) -> None:
        self._launch = Launch(config={"module": module}, environment=_ONE_THREAD)
        self._supervisor = SupervisorClient(most_processes(workers))

    def __enter__(self) -> StudyHost:
        return self

    def __exit__(self, *_: object) -> None:
        self._supervisor.close()

    def call(self, runner: str, message: dict[str, Any], timeout_s: float) -> dict[str, Any]:
        """Send a message to a runner, which is started on its first message; return the reply.

        Raises MeasurementError, and ends it, if it raised, died or did not reply in time.
        """
        reply = self._supervisor.call(runner, message, self._launch, timeout_s)
        if reply["status"] != "ok":
            self.end(runner)  # what it had started may be in any state
            raise WorkerRaisedError(reply["reason"], reply["detail"])
        return reply

    def end(self, runner: str) -> None:
        """End a runner and everything it has started."""
        self._supervisor.stop(runner)
