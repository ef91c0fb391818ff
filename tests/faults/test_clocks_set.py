"""The wall clock set back and forth while measuring: durations come from clocks that only go forward."""

from __future__ import annotations

import ast
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import gilscope
from gilscope import results
from tests.faults.conftest import Injector
from tests.faults.programs import finish, start
from tests.faults.ways import those_here

SOURCES = Path(gilscope.__file__).parent
EXTENSIONS = SOURCES.parents[1] / "ext"
STAMPS = {"env/__init__.py", "env/install.py", "cli/folder.py"}  # when it was, for people; never how long it took
WALL = {
    *(f"time.{name}" for name in ("time", "time_ns", "localtime", "gmtime", "CLOCK_REALTIME")),
    *(f"datetime.{name}" for name in ("now", "utcnow", "today")),
    "date.today",
}

# Every second half second the wall clock of a process is an hour late. The machine's clock stays as it is.
STEPPING = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sys/time.h>
#include <time.h>

static int (*real)(clockid_t, struct timespec *);

static long offset_s(void) {
    struct timespec now;
    real(CLOCK_MONOTONIC, &now);
    return (now.tv_sec * 2 + now.tv_nsec / 500000000) % 2 ? -3600 : 0;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int failed = real(clock, now);
    if (!failed && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += offset_s();
    return failed;
}

time_t time(time_t *out) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (out) *out = now.tv_sec;
    return now.tv_sec;
}

int gettimeofday(struct timeval *restrict out, void *restrict zone) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    out->tv_sec = now.tv_sec;
    out->tv_usec = now.tv_nsec / 1000;
    return 0;
}
"""


def wall_clocks(path: Path) -> Iterator[str]:
    """Yield what a module reads of the wall clock."""
    text = path.read_text()
    if not any(read in text for read in (*WALL, "from time import")):  # parsing all of them takes long
        return
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Attribute):
            owner = node.value
            name = owner.id if isinstance(owner, ast.Name) else owner.attr if isinstance(owner, ast.Attribute) else ""
            if f"{name}.{node.attr}" in WALL:
                yield f"{name}.{node.attr}"
        if isinstance(node, ast.ImportFrom) and node.module == "time":
            yield from (alias.name for alias in node.names if f"time.{alias.name}" in WALL)


def test_nothing_that_measures_reads_the_wall_clock() -> None:
    found = {str(path.relative_to(SOURCES)): [*wall_clocks(path)] for path in SOURCES.rglob("*.py")}
    assert {name for name, read in found.items() if read} == STAMPS


@pytest.mark.skipif(not EXTENSIONS.is_dir(), reason="no compiled sources beside this installation")
def test_nothing_compiled_reads_the_wall_clock() -> None:
    words = ("CLOCK_REALTIME", "gettimeofday", "time(NULL)", "time(0)", "system_clock")
    files = [path for path in EXTENSIONS.rglob("*") if path.suffix in (".pyx", ".pxd", ".h", ".c")]
    assert files
    assert not [path for path in files if any(word in path.read_text() for word in words)]


@pytest.fixture
def stepping(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set the wall clock of every process started from here back and forth."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if sys.platform != "linux" or compiler is None:
        pytest.skip("needs Linux and a C compiler")
    source, library = tmp_path / "stepping.c", tmp_path / "stepping.so"
    source.write_text(STEPPING)
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    monkeypatch.setenv("LD_PRELOAD", str(library))


@pytest.mark.parametrize("executors", ["threads,processes", *those_here("loky", "dask")])
def test_a_wall_clock_that_is_set_changes_nothing_but_dates(
    injector: Injector, tmp_path: Path, stepping: None, executors: str
) -> None:
    seen = [sys.executable, "-c", "import time\nfor _ in range(20): print(int(time.time())); time.sleep(0.1)"]
    times = [int(line) for line in subprocess.run(seen, capture_output=True, text=True, check=True).stdout.split()]
    assert max(times) - min(times) > 3000  # it is set indeed
    words = ["--implementations", "py_loop", "--workers", "2", "--budget", "6", "--json", "--quiet", "--out", "there"]
    begin = time.monotonic()
    code, out, err = finish(start(tmp_path, ["run", "planted_right", "--executors", executors, *words]))
    spent_s = time.monotonic() - begin
    assert (code, err) == (0, "")
    assert {row["status"] for row in json.loads(out)["cases"]} <= {"ok", "too_noisy"}
    blocks = results.load(tmp_path / "there").blocks
    assert blocks
    ends = [edge for block in blocks for edge in (block.started_ns, block.ended_ns)]
    assert ends == sorted(ends)
    assert (ends[-1] - ends[0]) / 1e9 < spent_s
    for block in blocks:
        for measured in block.rounds.values():
            assert 0 < measured.wall_ns <= block.ended_ns - block.started_ns
