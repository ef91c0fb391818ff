"""``gilscope gil --pid`` and ``--live``: a monitor that sees what is planted stands in for the one that attaches."""

from __future__ import annotations

import dataclasses
import json
import os
import pty
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, TextIO

import pytest

from gilscope.cli import live, main
from gilscope.core.errors import UnavailableError
from gilscope.telemetry import watch
from tests.made_stacks import server
from tests.report.gil.test_text import seen

Captured = pytest.CaptureFixture[str]
ROOT = Path(__file__).resolve().parents[2]
REPORT = dataclasses.replace(seen(0.99, 1.5), stacks=server())


class FakeMonitor:
    """Sees the planted report of any process."""

    entered: ClassVar[list[int]] = []
    left: ClassVar[list[int]] = []

    def __init__(self, pid: int, rate_hz: float | None) -> None:
        self.pid, self.rate_hz, self.report = pid, rate_hz, REPORT

    def __enter__(self) -> FakeMonitor:
        self.entered.append(self.pid)
        return self

    def __exit__(self, *_: object) -> None:
        self.left.append(self.pid)


@pytest.fixture
def monitors(monkeypatch: pytest.MonkeyPatch) -> type[FakeMonitor]:
    monkeypatch.setattr(FakeMonitor, "entered", [])
    monkeypatch.setattr(FakeMonitor, "left", [])
    monkeypatch.setattr(watch, "attach", FakeMonitor)
    monkeypatch.setattr(watch, "python_children", lambda pid: ())
    monkeypatch.setattr(watch, "LOOK_S", 0.02)
    return FakeMonitor


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as process:
        yield process
        process.kill()


def test_the_report_of_a_process_goes_to_stdout(
    monitors: Any, sleeper: subprocess.Popen[bytes], capsys: Captured
) -> None:
    assert main(["gil", "--pid", str(sleeper.pid), "--duration", "50ms"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert f"process {sleeper.pid}" in out
    assert "-c import time; time.sleep(60)" in out
    assert "The GIL is held by json.loads called at server.py:7" in " ".join(out.split())
    assert monitors.entered == monitors.left == [sleeper.pid]


@pytest.mark.parametrize("options", [["--json"], ["--out", "-"], ["--json", "--out", "-"]])
@pytest.mark.usefixtures("monitors")
def test_json_is_all_there_is_on_stdout(options: list[str], sleeper: subprocess.Popen[bytes], capsys: Captured) -> None:
    assert main(["gil", "--pid", str(sleeper.pid), "--duration", "50ms", *options]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["pid"], found["exit_status"]) == (sleeper.pid, None)
    assert found["gil"]["waiting_lines"]


@pytest.mark.usefixtures("monitors")
def test_files_get_the_report_and_the_stacks(folder: Path, sleeper: subprocess.Popen[bytes], capsys: Captured) -> None:
    files = ["--out", "r.json", "--flame", "f.json"]
    assert main(["gil", "--pid", str(sleeper.pid), "--duration", "50ms", *files]) == 0
    assert json.loads((folder / "r.json").read_text(encoding="utf-8"))["pid"] == sleeper.pid
    assert len(json.loads((folder / "f.json").read_text(encoding="utf-8"))["profiles"]) == 2
    assert "verdict" in capsys.readouterr().out


@pytest.mark.usefixtures("monitors")
def test_a_process_that_ends_meanwhile_is_reported(sleeper: subprocess.Popen[bytes], capsys: Captured) -> None:
    threading.Timer(0.2, sleeper.kill).start()
    assert main(["gil", "--pid", str(sleeper.pid), "--duration", "50s"]) == 0
    assert "note        the process ended meanwhile" in capsys.readouterr().out


@pytest.mark.usefixtures("monitors")
def test_ctrl_c_ends_early_and_reports(sleeper: subprocess.Popen[bytes], capsys: Captured) -> None:
    threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
    assert main(["gil", "--pid", str(sleeper.pid), "--duration", "50s"]) == 130
    assert "verdict" in capsys.readouterr().out


def test_a_process_that_cannot_be_watched_gets_one_line(monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    def refuse(pid: int, rate_hz: float | None) -> FakeMonitor:
        raise UnavailableError("the system does not let you", "use sudo")

    monkeypatch.setattr(watch, "attach", refuse)
    assert main(["gil", "--pid", "1"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1
    assert "the system does not let you" in err


@pytest.mark.usefixtures("monitors")
def test_children_are_watched_from_when_they_appear(
    sleeper: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    looks = iter([()] * 2)
    monkeypatch.setattr(watch, "python_children", lambda pid: next(looks, (os.getppid(), os.getpid())))
    assert main(["gil", "--pid", str(sleeper.pid), "--duration", "300ms", "--children", "--json"]) == 0
    children = json.loads(capsys.readouterr().out)["children"]
    assert [child["pid"] for child in children] == [os.getppid(), os.getpid()]
    assert children[0]["verdict"]["code"] == "gil_bound"


@pytest.mark.usefixtures("monitors")
def test_a_programs_children_are_watched(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    (folder / "a.py").write_text("import time; time.sleep(0.3)", encoding="utf-8")
    monkeypatch.setattr(watch, "python_children", lambda pid: (os.getppid(),) if pid == os.getpid() else ())
    assert main(["gil", "--children", "--json", "a.py"]) == 0
    assert [child["pid"] for child in json.loads(capsys.readouterr().err)["children"]] == [os.getppid()]


def test_a_child_that_cannot_be_read_is_named_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(pid: int, rate_hz: float | None) -> FakeMonitor:
        raise UnavailableError("another version", "")

    monkeypatch.setattr(watch, "attach", refuse)
    monkeypatch.setattr(watch, "python_children", lambda pid: (7,))
    monkeypatch.setattr(watch, "_YOUNG_S", 0.0)
    children = watch.Children(1)
    children.look()
    assert [(run.pid, run.gil.reason) for run in children.runs] == [(7, "another version")]


# The screen -----------------------------------------------------------------------------------------------------------

_LIVE = """
import sys, types
from tests.cli.test_watching import FakeMonitor
fake = types.ModuleType("gilscope.telemetry.attach")
fake.AttachedMonitor, fake.python_children = FakeMonitor, lambda pid: ()
sys.modules[fake.__name__] = fake
from gilscope.cli import main
raise SystemExit(main(sys.argv[1:]))
"""


class Terminal:
    """``gilscope`` on a terminal of its own."""

    def __init__(self, *arguments: str) -> None:
        self.fd, inner = pty.openpty()
        self.before = live_settings(inner)
        self._inner, self.seen = inner, b""
        self.process = subprocess.Popen(
            [sys.executable, "-c", _LIVE, "gil", *arguments],
            stdin=inner,
            stdout=inner,
            stderr=inner,
            cwd=ROOT,
            env={
                **os.environ,
                "PYTHONPATH": str(ROOT / "docs"),
                "TERM": "xterm",
                "LINES": "40",
                "COLUMNS": "100",
                "PYTHONIOENCODING": "utf-8",
            },
        )
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        while True:
            try:
                self.seen += os.read(self.fd, 1 << 16)
            except OSError:
                return

    def wait_for(self, text: bytes, wait_s: float = 30.0) -> None:
        until_s = time.monotonic() + wait_s
        while text not in self.seen:
            assert time.monotonic() < until_s, self.seen[-2000:]
            assert self.process.poll() is None, self.seen[-2000:]
            time.sleep(0.02)

    def press(self, keys: bytes) -> None:
        os.write(self.fd, keys)

    def end(self) -> int:
        status = self.process.wait(timeout=30)
        time.sleep(0.1)  # what is still on its way
        assert live_settings(self._inner) == self.before, "the terminal is as it was"
        os.close(self._inner)
        return status

    @property
    def after_the_screen(self) -> str:
        return self.seen.rpartition(b"\x1b[?1049l")[2].decode()


def live_settings(fd: int) -> Any:
    termios = pytest.importorskip("termios")
    return termios.tcgetattr(fd)


def test_q_ends_the_view_of_a_process_and_the_report_follows(sleeper: subprocess.Popen[bytes]) -> None:
    terminal = Terminal("--pid", str(sleeper.pid), "--live")
    terminal.wait_for(b"server.py:12")
    assert b"\x1b[?1049h" in terminal.seen
    terminal.press(b"xq")
    assert terminal.end() == 0
    assert "verdict" in terminal.after_the_screen
    assert sleeper.poll() is None


def test_a_programs_output_waits_until_the_screen_is_free(tmp_path: Path) -> None:
    go = tmp_path / "go"
    script = tmp_path / "a.py"
    script.write_text(
        f"import os, sys, time\nprint('written by it', flush=True)\n"
        f"while not os.path.exists({str(go)!r}): time.sleep(0.01)\nprint('last words'); sys.exit(7)",
        encoding="utf-8",
    )
    terminal = Terminal("--live", str(script))
    terminal.wait_for(b"server.py:12")
    assert b"written by it" not in terminal.seen
    terminal.press(b"q")
    terminal.wait_for(b"written by it")
    go.touch()
    assert terminal.end() == 7
    assert "last words" in terminal.after_the_screen
    assert "exit status 7" in terminal.after_the_screen


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_view_that_is_interrupted_restores_the_terminal(sleeper: subprocess.Popen[bytes], number: int) -> None:
    terminal = Terminal("--pid", str(sleeper.pid), "--live")
    terminal.wait_for(b"server.py:12")
    terminal.process.send_signal(number)
    assert terminal.end() == 130
    assert "verdict" in terminal.after_the_screen
    assert b"\x1b[?1049l" in terminal.seen


def _draw_and_fail(out: TextIO, inner: int, before: Any) -> None:
    with live.Screen(out) as screen:
        screen.show("x" * 500)
        assert live_settings(inner) != before
        raise ZeroDivisionError


def test_the_terminal_is_restored_after_an_error() -> None:
    outer, inner = pty.openpty()
    before = live_settings(inner)
    with os.fdopen(inner, "r", closefd=False) as stdin, os.fdopen(inner, "w", closefd=False) as out:
        patched = pytest.MonkeyPatch()
        patched.setattr(sys, "stdin", stdin)
        with pytest.raises(ZeroDivisionError):
            _draw_and_fail(out, inner, before)
        patched.undo()
    assert live_settings(inner) == before
    os.close(outer)
    os.close(inner)
