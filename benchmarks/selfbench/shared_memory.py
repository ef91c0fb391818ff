"""Is shared memory shared, and is it gone afterwards? 1 GiB to two processes, then the four ways a run can end.

``python -m benchmarks.selfbench.shared_memory``: the peak of the proportional set size (PSS) of supervisor, runner and
workers stays below 1.2 GiB while both read the array; after a normal end, a crash, and kill -9 of a worker or of the
parent, /dev/shm has the names it had and the kernel no more shared memory than before. Exit status 1 where not. Linux.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from gilscope.core.cases import Case, Slot
from gilscope.core.errors import MeasurementError
from gilscope.core.spec import BufferSpec, Impl, KernelSpec, Work
from gilscope.measure.host import Lead, SupervisedHost

GIB = 1 << 30
LIMIT_BYTES = 1.2 * GIB
SLACK_BYTES = GIB // 8  # of the machine's shared memory, which others use too
WITHIN_S = 10.0
_SAMPLE_S = 0.02
_ITEMS = 64


def checksum(phase: int, lo: int, hi: int, params: Any, buffers: Any) -> int:
    """Read a part of the array and copy nothing."""
    part = params["nbytes"] // _ITEMS
    for item in range(lo, hi):
        zlib.crc32(buffers["array"][item * part : (item + 1) * part])
    return hi - lo


def crash(phase: int, lo: int, hi: int, params: Any, buffers: Any) -> int:
    """Read the array, then address 0."""
    checksum(phase, lo, hi, params, buffers)
    ctypes.string_at(0)
    return 0


def _fill(params: Any, buffers: Any) -> None:
    piece = os.urandom(1 << 20)
    for start in range(0, params["nbytes"], len(piece)):
        buffers["array"][start : start + len(piece)] = piece


GIBIBYTE = KernelSpec(
    name="gibibyte",
    summary="read 1 GiB",
    regime="memory",
    sizes={"S": {"nbytes": GIB}},
    layout=lambda params: (BufferSpec(name="array", format="B", length=params["nbytes"], role="input"),),
    make_inputs=_fill,
    extent=lambda params: _ITEMS,
    outputs=lambda params: (),
    combine=lambda params, partials: sum(partials),
    work=lambda params, result: Work(units=params["nbytes"], unit="bytes"),
    impls=(
        Impl(name="py_loop", target=f"{__name__}:checksum", gil="released", size="S"),
        Impl(name="std_c", target=f"{__name__}:crash", gil="released", size="S"),
    ),
)


def plant(folder: Path) -> None:
    """Bring the kernel as another package would."""
    info = folder / "gibibyte-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: gibibyte\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[gilscope.kernels]\ngibibyte = benchmarks.selfbench.shared_memory:GIBIBYTE\n"
    )
    root = Path(__file__).parents[2]
    os.environ["PYTHONPATH"] = os.pathsep.join((str(folder), str(root), os.environ.get("PYTHONPATH", "")))
    sys.path[:0] = [str(folder), str(root)]


def slot(start_method: str, implementation: str = "py_loop") -> Slot:
    """Return the case on two processes."""
    case = Case(
        kernel="gibibyte",
        implementation=implementation,
        executor="processes",
        workers=2,
        size="S",
        start_method=start_method,
        transport="shm",
    )
    return Slot(case=case)


@contextmanager
def peak_pss(host: SupervisedHost) -> Iterator[list[int]]:
    """Watch the PSS of the supervisor and all it started; the list's only entry is the peak in bytes."""
    peak, done = [0], threading.Event()
    supervisor = psutil.Process(host.supervisor.pid)

    def watch() -> None:
        while not done.wait(_SAMPLE_S):
            total = 0
            for process in (supervisor, *supervisor.children(recursive=True)):
                try:
                    total += process.memory_full_info().pss
                except psutil.Error:
                    continue
            peak[0] = max(peak[0], total)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield peak
    finally:
        done.set()
        watcher.join()


def normal(start_method: str) -> str:
    """Measure a round, close; return what was seen."""
    with SupervisedHost({"processes": 2}, cpus=2) as host, peak_pss(host) as peak:
        record = host.prepare(slot(start_method))
        assert record.status == "ok", record
        host.run_round(slot(start_method), 3, Lead(repeats=1), 120)
    assert peak[0] < LIMIT_BYTES, f"peak PSS {peak[0] / GIB:.3f} GiB is not below {LIMIT_BYTES / GIB:g}"
    assert peak[0] > GIB, "the array was not seen at all"
    return f"peak PSS {peak[0] / GIB:.3f} GiB"


def crashed() -> str:
    """Let workers crash while they have the array."""
    with SupervisedHost({"processes": 2}, cpus=2) as host:
        record = host.prepare(slot("forkserver", "std_c"))
    assert record.status == "failed", record
    return record.reason


def worker_killed() -> str:
    """Kill a worker in the middle of a round."""
    with SupervisedHost({"processes": 2}, cpus=2) as host:
        assert host.prepare(slot("spawn")).status == "ok"
        workers = [
            p for p in psutil.Process(host.supervisor.pid).children(recursive=True) if "spawn_main" in str(p.cmdline())
        ]
        threading.Timer(0.5, workers[0].kill).start()
        try:
            host.run_round(slot("spawn"), 200, Lead(repeats=0), 300)
        except MeasurementError as error:
            return str(error)
    raise AssertionError("the round went on without its worker")


def parent_killed() -> str:
    """Kill a whole program in the middle of a round; what it started has to go by itself."""
    code = (
        "import sys, tempfile; from pathlib import Path; from benchmarks.selfbench import shared_memory as m\n"
        "from gilscope.measure.host import Lead, SupervisedHost\n"
        "with SupervisedHost({'processes': 2}, cpus=2) as host:\n"
        "    assert host.prepare(m.slot('forkserver')).status == 'ok'\n"
        "    print('ready', flush=True)\n"
        "    host.run_round(m.slot('forkserver'), 10**6, Lead(repeats=0), 600)\n"
    )
    program = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert program.stdout is not None
    assert program.stdout.readline() == b"ready\n"
    started = psutil.Process(program.pid).children(recursive=True)
    program.send_signal(signal.SIGKILL)
    program.wait()
    gone, left = psutil.wait_procs(started, timeout=WITHIN_S)
    assert not left, f"still running: {left}"
    return f"{len(gone)} processes gone"


def shared_bytes() -> int:
    """Shared memory of the machine, from /proc/meminfo."""
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("Shmem:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no Shmem in /proc/meminfo")


def check(what: str, scenario: Callable[[], str]) -> bool:
    """Run a scenario; print what was seen and whether anything was left."""
    names, before = set(os.listdir("/dev/shm")), shared_bytes()
    try:
        seen, fine = scenario(), True
    except AssertionError as error:
        seen, fine = str(error), False
    deadline = time.monotonic() + WITHIN_S
    while (left := shared_bytes() - before) > SLACK_BYTES and time.monotonic() < deadline:
        time.sleep(0.1)
    new = sorted(name for name in set(os.listdir("/dev/shm")) - names if "gilscope" in name or "psm_" in name)
    fine = fine and left <= SLACK_BYTES and not new
    print(
        f"{'holds' if fine else 'FAILS'}  {what:22} {seen}; left: {max(0, left) >> 20} MiB, {new or 'no names'}",
        flush=True,
    )
    return fine


def main() -> None:
    """Run every scenario."""
    with tempfile.TemporaryDirectory() as folder:
        plant(Path(folder) / "brought")
        results = [
            check("normal, forkserver", lambda: normal("forkserver")),
            check("normal, spawn", lambda: normal("spawn")),
            check("normal, fork", lambda: normal("fork")),
            check("crash", crashed),
            check("kill -9 of a worker", worker_killed),
            check("kill -9 of the parent", parent_killed),
        ]
    sys.exit(not all(results))


if __name__ == "__main__":
    main()
