"""Kernels with planted behaviour, brought in through the entry point ``gilscope.kernels`` as another package would."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gilscope.core.spec import BufferSpec, Impl, KernelSpec, Work

NAMES = ("planted_right", "planted_wrong", "planted_raises", "planted_segfault", "planted_exit", "planted_killed")
MORE = ("planted_hangs", "planted_prints", "planted_phases", "planted_late", "planted_import", "planted_fault")
FAULTY = ("planted_start", "planted_params", "planted_large", "planted_openmp")
FAULT_VARIABLE = "GILSCOPE_TEST_FAULT"  # path of a file that names the fault to commit from now on
NOTED = ".committed"  # ends the path of the file beside it that has a line for each that was


def plant(folder: Path) -> dict[str, str]:
    """Make ``folder`` a place on the path that brings the planted kernels; return the environment that uses it."""
    entries = "".join(f"{name} = planted:{name.upper()}\n" for name in (*NAMES, *MORE, *FAULTY))
    info = folder / "planted-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: planted\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[gilscope.kernels]\n{entries}")
    (folder / "planted.py").write_text(
        textwrap.dedent(f"""\
        import sys
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        import importlib.util
        spec = importlib.util.spec_from_file_location("planted", {__file__!r})
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        globals().update({{k: v for k, v in vars(module).items() if not k.startswith("__")}})
        """)
    )
    (folder / "planted_start.py").write_text(
        "import planted\nplanted.FAULTS.get(planted.armed(), int)()\nfault = planted.right\n"
    )
    return {"PYTHONPATH": str(folder)}


def _fill(phase: int, lo: int, hi: int, params: Any, buffers: Any) -> int:
    out = buffers["out"]
    for index in range(lo, hi):
        out[index] = float(index)
    return hi - lo


def right(phase: int, lo: int, hi: int, params: Any, buffers: Any) -> int:
    """Do what the kernel asks."""
    deadline = time.perf_counter() + 0.0002 * (hi - lo)
    while time.perf_counter() < deadline:
        pass
    return _fill(phase, lo, hi, params, buffers)


def wrong(phase: int, lo: int, hi: int, params: Any, buffers: Any) -> int:
    """Leave the last item out."""
    return _fill(phase, lo, max(lo, hi - 1), params, buffers)


def raises(phase: int, lo: int, hi: int, params: Any, buffers: Any) -> int:
    """Raise in the second half of the items only: one worker fails, the other waits at the barrier."""
    if lo >= params["n"] // 2:
        raise ArithmeticError("planted in the second half")
    return _fill(phase, lo, hi, params, buffers)


def segfault(phase: int, lo: int, hi: int, params: Any, buffers: Any) -> int:
    """Read address 0."""
    ctypes.string_at(0)
    return 0


def exits(phase: int, lo: int, hi: int, params: Any, buffers: Any) -> int:
    """End the process behind Python's back."""
    os._exit(7)


def killed(phase: int, lo: int, hi: int, params: Any, buffers: Any) -> int:
    """Kill the own process."""
    os.kill(os.getpid(), signal.SIGKILL)
    return 0


def hangs(phase: int, lo: int, hi: int, params: Any, buffers: Any) -> int:
    """Compute for ever."""
    while True:
        pass


def prints(phase: int, lo: int, hi: int, params: Any, buffers: Any) -> int:
    """Print a lot."""
    print("x" * 100_000)
    print("y" * 100_000, file=sys.stderr)
    return _fill(phase, lo, hi, params, buffers)


def phases(phase: int, lo: int, hi: int, params: Any, buffers: Any) -> int:
    """Add the neighbours' values of the phase before: wrong unless every phase waits for the last."""
    n, now, then = params["n"], 1 - phase % 2, phase % 2
    planes = buffers["planes"]
    for index in range(lo, hi):
        planes[now * n + index] = (planes[then * n + (index - 1) % n] + planes[then * n + (index + 1) % n]) % 1009
    return hi - lo


def large(phase: int, lo: int, hi: int, params: Any, buffers: Any) -> int:
    """Touch every page of a large buffer too."""
    for offset in range(lo * 4096, len(buffers["room"]), 4096 * params["n"]):
        buffers["room"][offset] = 1
    return right(phase, lo, hi, params, buffers)


_CALLS = 0


def late(phase: int, lo: int, hi: int, params: Any, buffers: Any) -> int:
    """Fail only after the answer was verified."""
    global _CALLS
    _CALLS += 1
    if _CALLS > 200:
        raise ArithmeticError("planted in a later round")
    return right(phase, lo, hi, params, buffers)


def _raise_unpicklable() -> None:
    class LocalError(Exception):
        pass

    error = LocalError("planted, cannot be pickled")
    error.lock = threading.Lock()  # type: ignore[attr-defined]
    raise error


def _system_exit() -> None:
    raise SystemExit(3)


def _interrupt() -> None:
    raise KeyboardInterrupt


def _recurse() -> None:
    _recurse()


def _deadlock() -> None:
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()


def _flood() -> None:
    for _ in range(20):
        os.write(1, b"o" * 500_000)
        os.write(2, b"e" * 500_000)


def _leave_a_process() -> None:
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)


def _take_memory() -> None:
    """Take memory until there is no more: only where a limit has been set, well below what the machine has."""
    import resource

    limit = resource.getrlimit(resource.RLIMIT_DATA)[0]
    if limit == resource.RLIM_INFINITY or limit > 4 << 30:
        return
    taken = []
    while True:
        taken.append(bytearray(64 << 20))


class _Poison:
    """Can be pickled and never unpickled."""

    def __reduce__(self) -> Any:
        return _refuse_to_be_made, ()


def _refuse_to_be_made() -> None:
    raise ArithmeticError("planted while unpickling")


class _Extra:
    """A parameter that can be sent to workers and arrives, unless a fault is armed."""

    def __reduce__(self) -> Any:
        if armed() == "pickle":
            raise ArithmeticError("planted while pickling")
        return _refuse_to_be_made if armed() == "unpickle" else _Extra, ()


def use_openmp(workers: int) -> None:
    """Run a parallel region of so many threads."""
    from gilscope.kernels.mandelbrot import _cy_omp

    _cy_omp.cy_prange(workers, {"w": 8, "h": 8, "max_iter": 2}, {"counts": memoryview(bytearray(256)).cast("i")})


def _fork_after_openmp() -> None:
    """Fork a process that has an OpenMP runtime whose threads did not come along, and wait for it."""
    use_openmp(2)
    pid = os.fork()
    if not pid:
        use_openmp(2)
        os._exit(0)
    os.waitpid(pid, 0)


def _bomb() -> None:
    """Fork without end, in sessions of their own; as many as ``GILSCOPE_TEST_BOMB`` says, so that nobody is harmed."""
    tokens, more = os.pipe()
    os.write(more, b"." * int(os.environ["GILSCOPE_TEST_BOMB"]))
    os.set_blocking(tokens, False)
    worker = os.getpid()
    while True:
        try:
            os.read(tokens, 1)
            child = os.fork()
        except BlockingIOError:  # there are enough of them, or as many as the system allows
            break
        if not child:
            os.setsid()
    if os.getpid() != worker:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(1e6)  # the worker, too: its next repeat would be another bomb


FAULTS: dict[str, Callable[[], Any]] = {
    "segfault": lambda: ctypes.string_at(0),
    "abort": os.abort,
    "exit": lambda: os._exit(7),
    "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "terminate": lambda: os.kill(os.getpid(), signal.SIGTERM),
    "illegal": lambda: os.kill(os.getpid(), signal.SIGILL),
    "raise": lambda: 1 / 0,
    "raise_unpicklable": _raise_unpicklable,
    "system_exit": _system_exit,
    "interrupt": _interrupt,
    "recursion": _recurse,
    "memory": lambda: bytearray(1 << 46),
    "loop": lambda: hangs(0, 0, 0, None, None),
    "loop_in_c": lambda: sum(range(10**15)),  # holds the GIL, answers no signal
    "deadlock": _deadlock,
    "sleep": lambda: time.sleep(1e6),
    "stop": lambda: os.kill(os.getpid(), signal.SIGSTOP),
    "close_files": lambda: os.closerange(3, 256),
    "unpicklable": lambda: lambda: 0,
    "poison": _Poison,
    "flood": _flood,
    "leave_a_process": _leave_a_process,
}
SPECIAL: dict[str, Callable[[], Any]] = {  # not for every worker, or only where a limit is set
    "fork_after_openmp": _fork_after_openmp,
    "bomb": _bomb,
    "greed": _take_memory,
}


def fault(phase: int, lo: int, hi: int, params: Any, buffers: Any) -> Any:
    """Do what the kernel asks, unless the file names a fault: then the worker of the last items commits it."""
    kind = armed() if hi == params["n"] else ""
    value = _commit(kind) if kind else None
    count = right(phase, lo, hi, params, buffers)
    return value if value is not None and not isinstance(value, int) else count


def _commit(kind: str) -> Any:
    """Note that a fault is committed, and commit it."""
    with open(os.environ[FAULT_VARIABLE] + NOTED, "a") as file:
        file.write(f"{kind}\n")
    return (FAULTS | SPECIAL)[kind]()


def own_fault(workers: int, params: Any, buffers: Any) -> Any:
    """Like ``fault``, for the executor that leaves threads to the implementation."""
    return fault(0, 0, params["n"], params, buffers)


def armed() -> str:
    """Return the fault to commit now, or nothing; ``worker:`` before it spares all but multiprocessing's workers."""
    try:
        kind = Path(os.environ[FAULT_VARIABLE]).read_text()
    except (KeyError, OSError):
        return ""
    if kind.startswith("worker:"):
        return kind.removeprefix("worker:") if multiprocessing.parent_process() is not None else ""
    return kind


def _kernel(name: str, function: str, **changes: Any) -> KernelSpec:
    fields: dict[str, Any] = {
        "name": name,
        "summary": f"planted: {function}",
        "regime": "test",
        "sizes": {size: {"n": 40} for size in ("XS", "S", "M", "L")},
        "layout": lambda params: (BufferSpec(name="out", format="d", length=params["n"], role="output"),),
        "make_inputs": lambda params, buffers: None,
        "extent": lambda params: params["n"],
        "writes": lambda params, phase, lo, hi: (("out", lo, hi),),
        "combine": lambda params, partials: sum(partials),
        "outputs": lambda params: (("out", 0, params["n"]),),
        "check": lambda params, buffers, result: (
            None if list(buffers["out"]) == list(map(float, range(params["n"]))) else "planted check: items are missing"
        ),
        "work": lambda params, result: Work(units=params["n"], unit="items"),
        "impls": (Impl(name="py_loop", target=f"planted:{function}", gil="held", size="S"),),
    }
    return KernelSpec(**(fields | changes))


def _after_phases(params: Any, buffers: Any, result: Any) -> str | None:
    n, steps = params["n"], params["steps"]
    plane = list(range(n))
    for _ in range(steps):
        plane = [(plane[(i - 1) % n] + plane[(i + 1) % n]) % 1009 for i in range(n)]
    seen = list(buffers["planes"][(steps % 2) * n : (steps % 2) * n + n])
    return None if seen == plane else "planted check: a phase began before the last one ended"


def _start_planes(params: Any, buffers: Any) -> None:
    for index in range(params["n"]):
        buffers["planes"][index] = index


PLANTED_RIGHT = _kernel("planted_right", "right")
PLANTED_WRONG = _kernel("planted_wrong", "wrong")
PLANTED_RAISES = _kernel("planted_raises", "raises")
PLANTED_SEGFAULT = _kernel("planted_segfault", "segfault")
PLANTED_EXIT = _kernel("planted_exit", "exits")
PLANTED_KILLED = _kernel("planted_killed", "killed")
PLANTED_HANGS = _kernel("planted_hangs", "hangs")
PLANTED_PRINTS = _kernel("planted_prints", "prints")
PLANTED_LATE = _kernel("planted_late", "late")
PLANTED_IMPORT = _kernel("planted_import", "no_such_function")
PLANTED_FAULT = _kernel(
    "planted_fault",
    "fault",
    impls=(
        Impl(name="py_loop", target="planted:fault", gil="held", size="S"),
        Impl(name="cy_prange", target="planted:own_fault", gil="own_threads", size="S"),
    ),
)
PLANTED_START = _kernel(
    "planted_start",
    "right",
    impls=(Impl(name="py_loop", target="planted_start:fault", gil="held", size="S"),),
)
PLANTED_PARAMS = _kernel(
    "planted_params", "right", sizes={size: {"n": 40, "extra": _Extra()} for size in ("XS", "S", "M", "L")}
)
PLANTED_LARGE = _kernel(
    "planted_large",
    "right",
    sizes={"XS": {"n": 40}, "S": {"n": 40, "MiB": 96}, "M": {"n": 40, "MiB": 4096}, "L": {"n": 40, "MiB": 1 << 23}},
    layout=lambda params: (
        BufferSpec(name="out", format="d", length=params["n"], role="output"),
        BufferSpec(name="room", format="B", length=params.get("MiB", 0) << 20, role="state"),
    ),
    impls=(Impl(name="py_loop", target="planted:large", gil="held", size="S"),),
)
PLANTED_OPENMP = _kernel("planted_openmp", "right", make_inputs=lambda params, buffers: use_openmp(2))
PLANTED_PHASES = _kernel(
    "planted_phases",
    "phases",
    sizes={size: {"n": 64, "steps": 40} for size in ("XS", "S", "M", "L")},
    layout=lambda params: (BufferSpec(name="planes", format="q", length=2 * params["n"], role="state"),),
    phases=lambda params: params["steps"],
    reads=lambda params, phase, lo, hi: (
        ("planes", (phase % 2) * params["n"], (phase % 2) * params["n"] + params["n"]),
    ),
    writes=lambda params, phase, lo, hi: (
        ("planes", (1 - phase % 2) * params["n"] + lo, (1 - phase % 2) * params["n"] + hi),
    ),
    reset=_start_planes,
    outputs=lambda params: (
        ("planes", (params["steps"] % 2) * params["n"], (params["steps"] % 2) * params["n"] + params["n"]),
    ),
    check=_after_phases,
)
