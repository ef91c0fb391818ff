"""Every error gilscope raises on purpose.

::

    GilscopeError
    +-- UsageError(ValueError)            the user asked for something that does not exist or cannot be; exit status 2
    |   +-- UnknownNameError              a name that is in no registry; the message suggests the nearest one
    +-- ResultFileError(ValueError)       a result file that cannot be read; exit status 2
    |   +-- ForeignFileError              not a gilscope result at all
    |   +-- NewerSchemaError              written by a newer gilscope
    +-- TooFewRoundsError(ValueError)     not enough blocks for the confidence asked for
    +-- UnavailableError(RuntimeError)    cannot be used here; carries reason and cure
    +-- MeasurementError(RuntimeError)    a case failed while it was prepared or measured
        +-- WorkerDiedError               a worker or runner ended: signal or exit status, last output
        |   +-- NoRoomError               there is no memory to share; the runner goes on
        +-- WorkerRaisedError             a worker raised; its traceback is the detail
        +-- RoundTimeoutError(TimeoutError)
        +-- BrokenBarrierError            another worker failed while this one waited for it

Each message says what happened, to which case, and what to do about it.
"""

__all__ = ["BrokenBarrierError", "ForeignFileError", "GilscopeError", "MeasurementError", "NewerSchemaError",
           "NoRoomError", "ResultFileError", "RoundTimeoutError", "TooFewRoundsError", "UnavailableError",
           "UnknownNameError", "UsageError", "WorkerDiedError", "WorkerRaisedError", "one_line"]  # fmt: skip


class GilscopeError(Exception):
    """Root of the tree above."""


class UsageError(GilscopeError, ValueError):
    """The user asked for something that does not exist or cannot be."""


class UnknownNameError(UsageError):
    """A name that is in no registry."""


class ResultFileError(GilscopeError, ValueError):
    """A result file that cannot be read."""


class ForeignFileError(ResultFileError):
    """The file was not written by gilscope."""


class NewerSchemaError(ResultFileError):
    """The file was written by a newer gilscope."""


class TooFewRoundsError(GilscopeError, ValueError):
    """Not enough blocks for the confidence asked for."""


class UnavailableError(GilscopeError, RuntimeError):
    """Something cannot be used here: why (``reason``), and what to do about it (``cure``)."""

    def __init__(self, reason: str, cure: str = "") -> None:
        super().__init__(f"{reason}; {cure}" if cure else reason)
        self.reason, self.cure = reason, cure


class MeasurementError(GilscopeError, RuntimeError):
    """A case failed while it was prepared or measured; ``detail`` is a worker's traceback or last output."""

    def __init__(self, message: str, detail: str = "") -> None:
        super().__init__(message)
        self.detail = detail


class WorkerDiedError(MeasurementError):
    """A worker or runner process ended before it answered."""


class NoRoomError(WorkerDiedError):
    """The system has no memory to share; the runner goes on."""


class WorkerRaisedError(MeasurementError):
    """A worker raised; ``detail`` is its traceback."""


class RoundTimeoutError(MeasurementError, TimeoutError):
    """A round did not end in its time; its processes were killed."""


class BrokenBarrierError(MeasurementError):
    """Another worker failed while this one waited for it."""


def one_line(error: BaseException) -> str:
    """Return an exception as the last line of its traceback, joined into one line."""
    import traceback  # costs milliseconds that only who fails should pay

    return " ".join("".join(traceback.format_exception_only(error)).split())
