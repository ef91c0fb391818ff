"""docs/gil.md: the example programs under ``gilscope gil``, and beside another profiler."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gilscope.analysis.program import ProgramReport
from gilscope.cli.gil_output import as_json
from gilscope.report.gil import render_gil
from gilscope.report.gil.sources import Sources
from gilscope.report.sentences.blame import place
from gilscope.telemetry.blame import in_library, short_names
from gilscope.telemetry.stacks import Frame, by_line
from pages import quiet
from pages.shared import EXAMPLES, ROOT, gilscope, terminal

PROGRAM = "busy_threads.py"
MODES = ("count", "hash")
SERVER = "json_server.py"
PARTS = (*MODES, "serve", "peers", "programs")
_WATCHED_S = 8.0
_SERVED_S = 16.0  # the server ends by itself
_ROWS = 6  # lines in the comparison


def report(mode: str) -> Path:
    """Return where the report of a run is kept."""
    return EXAMPLES / f"gil_{mode}.json"


def measure(part: str) -> None:
    """Run a program from its own folder, so that no path gets into the report."""
    if part == "peers":
        _measure_peers()
        return
    if part == "programs":  # under the Python that has gunicorn, if it is another one
        python = ["--python", found] if (found := os.environ.get("PROGRAMS_PYTHON")) else []
        command = ["-m", "benchmarks.selfbench.servers", *python, "--json", str(report(part))]
        subprocess.run([sys.executable, *command], cwd=ROOT, check=True)
        return
    with tempfile.TemporaryDirectory() as folder:
        kept = Path(folder, "report.json")
        if part == "serve":
            with _served() as pid:
                gilscope("gil", "--pid", str(pid), f"--duration={_WATCHED_S}s", "--json", "--out", kept, timeout=120)
        else:
            gilscope("gil", "--json", "--out", kept, PROGRAM, part, cwd=EXAMPLES, timeout=120)
        text = _without_folders(kept.read_text(encoding="utf-8"))
    quiet.keep(report(part), text, (), _rendered(ProgramReport.of(json.loads(text))))


@contextmanager
def _served() -> Iterator[int]:
    """Start the server, give its process number, and end it."""
    command = [sys.executable, SERVER, str(_SERVED_S)]
    with subprocess.Popen(command, cwd=EXAMPLES, stdout=subprocess.DEVNULL) as server:
        time.sleep(1.0)  # until it is under load
        yield server.pid


def _without_folders(text: str) -> str:
    """Leave out where the standard library and the examples are on the machine that measured."""
    text = text.replace(f"{EXAMPLES}/", "").replace(sys.executable, "python")
    return text.replace(sysconfig.get_path("stdlib"), f"/usr/lib/python{sys.version_info[0]}.{sys.version_info[1]}")


def _measure_peers() -> None:
    """Let py-spy, which must be on the PATH, and gilscope watch the same server at the same time."""
    with tempfile.TemporaryDirectory() as folder, _served() as pid:
        kept, raw = Path(folder, "report.json"), Path(folder, "raw.txt")
        seconds = str(round(_WATCHED_S))
        spy = [
            "py-spy",
            "record",
            "--gil",
            "--format",
            "raw",
            "--duration",
            seconds,
            "--output",
            raw,
            "--pid",
            str(pid),
        ]
        with subprocess.Popen(spy, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as other:
            gilscope("gil", "--pid", str(pid), f"--duration={seconds}s", "--json", "--out", kept, timeout=120)
            if other.wait(timeout=60):
                raise SystemExit("py-spy could not watch the server")
        seen = ProgramReport.of(json.loads(_without_folders(kept.read_text(encoding="utf-8"))))
        version = subprocess.run(["py-spy", "--version"], capture_output=True, text=True, check=True).stdout.strip()
        document = {
            "py_spy": version,
            "gilscope": seen.to_json(),
            "samples": _innermost(raw.read_text(encoding="utf-8")),
        }
    report("peers").write_text(as_json(document), encoding="utf-8")


def _innermost(raw: str) -> dict[str, int]:
    """Count py-spy's samples by their innermost line: ``file.py:7``."""
    counts: Counter[str] = Counter()
    for row in raw.splitlines():
        stack, _, count = row.rpartition(" ")
        found = re.search(r"\(([^()]*:\d+)\)$", stack)
        if found:
            counts[found[1].replace(f"{EXAMPLES}/", "")] += int(count)
    return dict(counts.most_common())


def section(part: str) -> str:
    """Return what the terminal shows of a run, or the comparison; how to measure it where nobody has."""
    if not report(part).exists():
        return f"Not measured yet: `python docs/update.py gil/{part} --measure` does it."
    kept = json.loads(report(part).read_text(encoding="utf-8"))
    if part == "peers":
        return _comparison(kept)
    if part == "programs":
        sys.path.insert(0, str(ROOT))
        from benchmarks.selfbench.servers import HEAD, line

        return "\n".join([HEAD, *map(line, kept)])
    seen = ProgramReport.of(kept)
    if part == "serve":
        return terminal(f"gil --pid {seen.pid} --duration {_WATCHED_S:.0f}s", _rendered(seen))
    return terminal(f"gil {PROGRAM} {part}", f"done\n\n{_rendered(seen)}")


def _rendered(seen: ProgramReport) -> str:
    """Return the report with source lines from the examples; those of libraries are not on every machine."""
    return render_gil(seen, sources=_Examples(EXAMPLES))


class _Examples(Sources):
    def line(self, file: str, number: int | None) -> str:
        return "" if in_library(file) else super().line(file, number)


def _comparison(found: dict[str, Any]) -> str:
    """Lay out what both say of the same lines, as shares of what each has in all."""
    seen = ProgramReport.of(found["gilscope"])
    assert seen.gil.stacks is not None
    lines = by_line(seen.gil.stacks)
    names = short_names(line.frame.file for line in lines)
    held, blame = sum(line.held for line in lines), sum(line.blame for line in lines)
    samples = found["samples"]
    rows = [
        f"| {place(line.frame, names)} | {100 * _spied(samples, line.frame) / sum(samples.values()):.0f} % "
        f"| {100 * line.held / held:.0f} % | {100 * line.blame / blame:.0f} % |"
        for line in lines[:_ROWS]
    ]
    heads = f"| line | {found['py_spy']} `--gil`: samples | gilscope: held | gilscope: blame |"
    return "\n".join([heads, "|---|---|---|---|", *rows])


def _spied(samples: dict[str, int], frame: Frame) -> int:
    """Return py-spy's samples of a line; it names files below the folder of libraries, or by their whole path."""
    return sum(count for where, count in samples.items() if f"{frame.file}:{frame.line}".endswith(where))
