"""Nothing executes by accident: looking at a result imports no kernel and no function that it names."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from gilscope.measure.host import SupervisedHost
from tests.faults.conftest import ALL
from tests.faults.mutations import SEEDS

VERBS = (
    ["show", "there"],
    ["show", "there", "--json"],
    ["show", "there", "--case", "{case}"],
    ["compare", "there", "there"],
    ["export", "there", "--format", "csv"],
    ["report", "there"],
    ["trace", "there", "--format", "mermaid", "--out", "trace.mmd"],
)


@pytest.fixture
def trap(tmp_path: Path) -> Path:
    """Make a folder with a result that names ``evil``: a module, a kernel and a function that tells when imported."""
    (tmp_path / "evil.py").write_text(
        "from pathlib import Path\nPath('/{}').write_text('ran')\n".format(tmp_path / "ran")
    )
    info = tmp_path / "evil-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: evil\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[gilscope.kernels]\nnbody = evil:SPEC\nevil = evil:SPEC\n")
    data = (SEEDS / "a.jsonl").read_text().replace('"functions":[]', '"functions":["evil:function"]')
    (tmp_path / "there").mkdir()
    (tmp_path / "there/result.jsonl").write_text(data.replace("nbody/", "evil/").replace('"nbody"', '"evil"'))
    return tmp_path


def _with(trap: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(trap)}


@pytest.mark.parametrize("words", VERBS if ALL else VERBS[::5], ids=lambda words: " ".join(words))
def test_looking_at_a_result_imports_nothing_it_names(trap: Path, words: list[str]) -> None:
    case = "evil/cy_nogil@threads*2#XS"
    shown = subprocess.run(
        [sys.executable, "-m", "gilscope", *(word.format(case=case) for word in words)],
        capture_output=True,
        text=True,
        cwd=trap,
        env=_with(trap),
        timeout=120,
    )
    assert shown.returncode == 0, shown.stderr
    assert not (trap / "ran").exists()


def test_the_trap_snaps_when_a_verb_does_import_it(trap: Path) -> None:
    subprocess.run([sys.executable, "-m", "gilscope", "run", "evil"], capture_output=True, cwd=trap, env=_with(trap))
    assert (trap / "ran").exists()


def test_temporary_files_are_private_and_their_names_cannot_be_guessed() -> None:
    with SupervisedHost({"threads": 1}, cpus=1) as host:
        folder = Path(host._scratch)
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert folder.parent == Path(tempfile.gettempdir()) or folder.parent == Path("/tmp")
        assert len(folder.name) > len("gilscope-") + 6
    assert not folder.exists()
