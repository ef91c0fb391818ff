"""Does ``gilscope gil --pid --children`` name the right line in programs that people run? gunicorn, Dask, pytest-xdist.

    python benchmarks/selfbench/servers.py [--python PATH] [--json FILE]

Each does the same work (docs/examples/orders.py) in threads, and ``json.loads`` is what stops them. They run under
``--python``, which needs gunicorn, distributed and pytest-xdist and the same minor version of Python as the one that
watches. Exit status 1 if another line is named.
"""

from __future__ import annotations

import argparse
import http.client
import json
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gilscope.analysis.program import ProcessReport, ProgramReport
from gilscope.report.gil.verdict import blamed

_EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples"
_UNDER_LOAD_S, _WATCHED_S = 5.0, 5.0
_ASKING = 4  # connections


@dataclass(frozen=True, slots=True)
class Named:
    """What the report said of the process that held its GIL most."""

    program: str
    processes: int  # that run Python, with children
    held: float  # share of the time
    waiting: float | None  # threads, on average
    code: str
    line: str  # "held by ..."; empty where none was named

    @property
    def right(self) -> bool:
        """Whether it is the line that stops the others."""
        return f" orders.py:{_stopping_line()}," in self.line


def watch(program: str, command: Sequence[str], port: int) -> Named:
    """Start a program, and watch it from outside under load."""
    with _running(command) as pid, _asked(port if program == "gunicorn" else 0):
        time.sleep(_UNDER_LOAD_S)
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder, "gil.json")
            watching = [
                "gil",
                "--pid",
                str(pid),
                "--children",
                f"--duration={_WATCHED_S}s",
                "--json",
                "--out",
                str(out),
            ]
            subprocess.run([sys.executable, "-m", "gilscope", *watching], check=True, stdout=subprocess.DEVNULL)
            seen = ProgramReport.of(json.loads(out.read_text(encoding="utf-8")))
    busiest = max((seen, *seen.children), key=_held)
    reading = busiest.gil.reading
    return Named(
        program=program,
        processes=1 + len(seen.children),
        held=_held(busiest),
        waiting=reading.waiting.value if reading is not None and reading.waiting is not None else None,
        code=busiest.verdict.code,
        line=blamed(busiest.gil),
    )


def _stopping_line() -> int:
    lines = (_EXAMPLES / "orders.py").read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, start=1) if "json.loads" in line)


def _held(process: ProgramReport | ProcessReport) -> float:
    return process.gil.reading.held.value if process.gil.reading is not None else 0.0


@contextmanager
def _running(command: Sequence[str]) -> Iterator[int]:
    with subprocess.Popen(command, cwd=_EXAMPLES, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as program:
        try:
            yield program.pid
        finally:
            program.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                program.wait(timeout=20)
            program.kill()


@contextmanager
def _asked(port: int) -> Iterator[None]:
    """Ask the server over a few connections; with port 0 nobody."""
    ended = threading.Event()

    def ask() -> None:
        while not ended.is_set():
            with suppress(OSError, http.client.HTTPException):
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
                connection.request("GET", "/")
                connection.getresponse().read()
                connection.close()

    threads = [threading.Thread(target=ask, daemon=True) for _ in range(_ASKING if port else 0)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ended.set()


def commands(python: str, port: int) -> dict[str, list[str]]:
    """Return how the programs are started."""
    return {
        "gunicorn": [python, "-m", "gunicorn", "--threads", "4", "--bind", f"127.0.0.1:{port}", "orders:application"],
        "Dask": [python, "-c", "import orders; orders.in_dask()"],
        "pytest-xdist": [python, "-m", "pytest", "-q", "-n", "2", "-p", "no:cacheprovider", "orders.py"],
    }


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


HEAD = "| program | processes | GIL held | threads waiting | verdict | the GIL is |\n|---|---|---|---|---|---|"


def line(row: dict[str, Any]) -> str:
    """Return a program's row in the table."""
    waiting = "n/a" if row["waiting"] is None else f"{row['waiting']:.2f}"
    return (
        f"| {row['program']} | {row['processes']} | {100 * row['held']:.0f} % | {waiting} | `{row['code']}` "
        f"| {row['line'] or 'no line named'} |"
    )


def main() -> None:
    """Watch the programs, print what was named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    print(HEAD)
    found = []
    port = _free_port()
    for program, command in commands(options.python, port).items():
        named = watch(program, command, port)
        print(line(asdict(named)), flush=True)
        found.append(named)
    if options.json:
        options.json.write_text(json.dumps([asdict(one) for one in found], indent=1) + "\n", encoding="utf-8")
    raise SystemExit(not all(one.right for one in found))


if __name__ == "__main__":
    main()
