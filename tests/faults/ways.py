"""What is tried where: every way to run a case, and what each planted fault must be told as."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass

from gilscope import executors, kernels
from gilscope.core.cases import Case, Slot
from gilscope.core.registry import EXECUTORS, START_METHODS, TRANSPORTS

__all__ = ["ENDED", "FAMILIES", "HARMLESS", "HUNG", "RAISED", "Way", "sentence", "those_here", "ways"]

FAMILIES = dict.fromkeys(("threads", "processes", "native*2", "interpreters", "loky*2", "dask"), 2)

ENDED = {
    "segfault": "SIGSEGV",
    "abort": "SIGABRT",
    "exit": "exit status 7",
    "kill": "SIGKILL",
    "terminate": "SIGTERM",
    "illegal": "SIGILL",
    "close_files": "",
}
RAISED = {
    "raise": "ZeroDivisionError",
    "raise_unpicklable": "planted, cannot be pickled",
    "system_exit": "SystemExit",
    "interrupt": "KeyboardInterrupt",
    "recursion": "RecursionError",
    "memory": "MemoryError",
    "unpicklable": "",  # another sentence where it is pickled and where it is added up
    "poison": "",
}
HUNG = ("loop", "loop_in_c", "deadlock", "sleep", "stop")
HARMLESS = ("flood", "leave_a_process")


@dataclass(frozen=True, slots=True)
class Way:
    """An executor as the user can ask for it."""

    executor: str
    start_method: str = ""
    transport: str = ""

    def slot(self, kernel: str, size: str = "S") -> Slot:
        native = self.executor == "native"
        case = Case(
            kernel=kernel,
            implementation="cy_prange" if native else "py_loop",
            executor=self.executor,
            workers=1 if self.executor == "serial" else 2,
            size=size,
            start_method=self.start_method,
            transport=self.transport,
        )
        return Slot(case=case)

    @property
    def pickles(self) -> bool:
        """Whether what workers are told is pickled."""
        return self.executor not in ("serial", "threads", "native")

    @property
    def monitored(self) -> bool:
        """Whether there are diagnostic rounds."""
        return self.executor not in ("processes", "loky", "dask")

    def __str__(self) -> str:
        return ".".join(filter(None, (self.executor, self.start_method, self.transport)))


def ways() -> list[Way]:
    """All executors that work here, with their start methods and transports."""
    impl = kernels.load("mandelbrot").impl("py_loop")
    assert impl is not None
    found = []
    for name in EXECUTORS:
        if name == "processes":
            found += [Way(name, method, transport) for method in START_METHODS for transport in TRANSPORTS]
        elif name == "native" or executors.availability(name, impl).ok:  # the planted one brings its own threads
            found.append(Way(name))
    return found


def those_here(*names: str) -> list[str]:
    """Those of the executors whose package is installed."""
    packages = {"dask": "distributed"}
    return [name for name in names if importlib.util.find_spec(packages.get(name, name)) is not None]


def sentence(kind: str) -> str:
    """What the reason must say."""
    return "did not answer within" if kind in HUNG else {**ENDED, **RAISED}[kind]
