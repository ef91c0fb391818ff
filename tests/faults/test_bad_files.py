"""Bad result files: an answer or one clear line, in bounded memory and time."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gilscope.studies.kinds import studies_in
from tests.faults.conftest import ALL
from tests.faults.mutations import LIMIT_S, MEMORY_MIB, SEEDS, Trial, cpus, read_range, try_many
from tests.faults.readers import answer, nothing_measured

SEED = 20261122
COUNT = 100_000 if ALL else 60


def trials(folder: Path) -> list[Trial]:
    if ALL:
        return try_many(COUNT, SEED, folder, processes=cpus())
    others = read_range(range(COUNT // 5), SEED, folder, others=True)
    return [*read_range(range(COUNT), SEED, folder), *others]


def test_mutated_files_give_an_answer_or_one_clear_line(tmp_path: Path) -> None:
    found = trials(tmp_path)
    assert not [trial for trial in found if trial.bad], next(trial.detail for trial in found if trial.bad)
    assert {trial.outcome for trial in found} == {"read", "refused"}
    if ALL:  # in a process of their own
        assert max(trial.peak_mib for trial in found) < MEMORY_MIB
        assert max(trial.seconds for trial in found) < LIMIT_S


def test_a_file_is_the_same_whoever_reads_it(tmp_path: Path) -> None:
    together = [(t.number, t.outcome) for t in read_range(range(4), 3, tmp_path)]
    apart = [(t.number, t.outcome) for n in range(3, -1, -1) for t in read_range(range(n, n + 1), 3, tmp_path)]
    assert together == sorted(apart)


_READ = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
from gilscope.cli import main
status = main(["show", sys.argv[1]])
raise SystemExit(status)
"""


NOTHING = (b"", b"\0", b"\n", b"[" * 4096, b'{"schema": "gilscope.result", "x": "')


@pytest.mark.parametrize("content", NOTHING if ALL else NOTHING[::4])
def test_a_gigabyte_of_nothing_is_one_clear_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "result.jsonl"
    path.write_bytes(content)
    os.truncate(path, 1 << 30)  # a hole: takes no room
    shown = subprocess.run([sys.executable, "-c", _READ, str(path)], capture_output=True, text=True, timeout=60)
    assert shown.returncode == 2
    assert shown.stderr.startswith("gilscope: ")
    assert shown.stderr.count("\n") == 1


def test_a_gigabyte_in_place_of_a_study_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "metg.json").touch()
    os.truncate(tmp_path / "metg.json", 1 << 30)
    found, cautions = studies_in(tmp_path)
    assert found == {}
    assert cautions == ("metg.json is left out: has more than 67108864 bytes: no study is as long",)


# Things that are no files ---------------------------------------------------------------------------------------------


def _pipe(place: Path) -> None:
    os.mkfifo(place)


def _socket(place: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(place))


def _folder(place: Path) -> None:
    place.mkdir()


def _zeros(place: Path) -> None:
    place.symlink_to("/dev/zero")


def _full(place: Path) -> None:
    place.symlink_to("/dev/full")


def _loop(place: Path) -> None:
    place.symlink_to(place)


def _dangling(place: Path) -> None:
    place.symlink_to("nowhere")


NO_FILES = (_pipe, _socket, _folder, _zeros, _full, _loop, _dangling)
READ_BY = (
    ["show", "{}"],
    ["show", "{}", "--json"],
    ["compare", "{}", "good.jsonl"],
    ["compare", "good.jsonl", "{}"],
    ["report", "{}", "--out", "page.html"],
    ["report", "good.jsonl", "{}", "--out", "page.html"],
    ["export", "{}"],
    ["export", "{}", "--format", "svg"],
    ["trace", "{}"],
    ["run", "--resume", "--out", "there"],  # where it stands in place of the result
)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A current folder with a short path, a good result and a place for what is no file."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good.jsonl").write_bytes((SEEDS / "a.jsonl").read_bytes())
    (tmp_path / "there").mkdir()
    with nothing_measured():
        yield tmp_path


@pytest.mark.timeout(60)
@pytest.mark.parametrize("words", READ_BY, ids=" ".join)
@pytest.mark.parametrize("make", NO_FILES, ids=lambda make: make.__name__[1:])
def test_what_is_no_file_is_refused_without_waiting_for_it(here: Path, make: object, words: list[str]) -> None:
    place = Path("there/result.jsonl")
    make(place)  # type: ignore[operator]
    if words[0] == "run" and not place.exists():
        return  # nothing is there to go on with: a new result is made
    before = sorted(os.listdir("there"))
    status, _, _ = answer([word.format(place) for word in words])
    assert status == 2
    assert sorted(os.listdir("there")) == before
    assert not Path("page.html").exists()


FOREIGN = {
    "pytest-benchmark": b'{"machine_info": {}, "commit_info": {}, "benchmarks": [], "version": "5.0.0"}\n',
    "pyperf": b'{"benchmarks": [{"metadata": {"name": "x"}, "runs": []}], "version": "1.0"}\n',
    "newer": b'{"schema": "gilscope.result", "schema_version": 99}\n',
    "deep": b'{"schema": ' + b"[" * 100_000 + b"]" * 100_000 + b"}\n",
    "long": b'{"schema": "gilscope.result", "schema_version": ' + b"9" * 10_000 + b"}\n",
}


@pytest.mark.parametrize("words", READ_BY, ids=" ".join)
@pytest.mark.parametrize("content", FOREIGN.values(), ids=FOREIGN)
def test_files_of_others_are_refused_and_stay_as_they_are(here: Path, content: bytes, words: list[str]) -> None:
    place = Path("there/result.jsonl")
    place.write_bytes(content)
    status, _, said = answer([word.format(place) for word in words])
    assert status == 2
    assert "result.jsonl" in said
    assert place.read_bytes() == content


_UNPRIVILEGED = """
import ctypes, os, sys
if os.geteuid() == 0:  # who may read everything, until the capabilities are gone
    header, nothing = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    assert ctypes.CDLL(None).capset(header, nothing) == 0
from gilscope.cli import main
raise SystemExit(main(sys.argv[1:]))
"""


@pytest.mark.skipif(os.geteuid() == 0 and sys.platform != "linux", reason="only on Linux can root give up its rights")
@pytest.mark.parametrize("words", [["show", "{}"], ["report", "{}"]], ids=" ".join)
def test_a_file_without_permission_is_refused(here: Path, words: list[str]) -> None:
    place = here / "there/result.jsonl"
    place.write_bytes((SEEDS / "a.jsonl").read_bytes())
    place.chmod(0)
    shown = subprocess.run(
        [sys.executable, "-c", _UNPRIVILEGED, *(word.format(place) for word in words)],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert shown.returncode == 2, shown.stderr
    assert re.fullmatch(
        r"gilscope: .*cannot be (read|used): Permission denied(; name another file or folder)?\n", shown.stderr
    )
