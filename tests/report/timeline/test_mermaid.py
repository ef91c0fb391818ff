"""Mermaid itself takes the diagrams, whatever the lanes and messages are called."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from gilscope import results
from gilscope.core.trace import Trace
from gilscope.report.timeline.mermaid import sequence_diagram
from gilscope.studies.traced.rounds import choose_case, trace_of
from tests.report.traces import event, message, nasty, two_sleeps

NODE = Path(__file__).parents[1] / "node"
CACHE = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
MODULES = Path(os.environ.get("GILSCOPE_TEST_NODE") or Path(CACHE) / "gilscope-test-node") / "node_modules"
EXAMPLE = Path(__file__).parents[3] / "docs" / "examples" / "result.jsonl"


def _missing() -> str:
    if shutil.which("node") is None:
        return "node is not installed"
    if not (MODULES / "mermaid").is_dir() or not (MODULES / "jsdom").is_dir():
        return "mermaid is not installed for the tests: tests/report/node/install.sh"
    return ""


def everything() -> dict[str, Trace]:
    """Return traces with everything a diagram can hold."""
    result = results.load(EXAMPLE)
    words = ["end", "loop", "Note", "as", "box", "p0", "über-prozess", "a b", "activate", "x:y", "1", "->>+q"]
    nested = (event("a", "outer", 0, 9), event("a", "inner", 1, 3), event("a", "in there", 1.5, 2))
    grouped = tuple(
        event(f"{group}/{lane}", "x", 0, 1) for group in ("threads", "red", "a;b") for lane in ("main", "w")
    )
    return {
        "sleeps": two_sleeps(),
        "nasty": nasty(),
        "round": trace_of(result, choose_case(result, None)),
        "empty": Trace(title="", events=()),
        "words": Trace(
            title="",
            events=tuple(event(word, word, n, n + 3) for n, word in enumerate(words)),
            messages=tuple(message(words[0], word, word, n) for n, word in enumerate(words)),
        ),
        "nested": Trace(title="", events=nested),
        "groups": Trace(title="", events=grouped, messages=(message("threads/main", "threads/w", "go", 0.5),)),
        "long": Trace(
            title="",
            events=tuple(event("w", str(n), n, n + 0.5) for n in range(300)),
            messages=tuple(message("main", "w", "call", n) for n in range(300)),
        ),
    }


@pytest.mark.skipif(bool(_missing()), reason=_missing())
def test_mermaid_parses_every_diagram(tmp_path: Path) -> None:
    for name, trace in everything().items():
        (tmp_path / f"{name}.mmd").write_text(sequence_diagram(trace), encoding="utf-8")
    (tmp_path / "broken.mmd").write_text("sequenceDiagram\n    a->>-b: closes what nobody opened\n", encoding="utf-8")
    names = [f"{name}.mmd" for name in (*everything(), "broken")]
    done = subprocess.run(
        ["node", str(NODE / "parse.mjs"), *names],
        cwd=tmp_path,
        env={**os.environ, "NODE_MODULES": str(MODULES)},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    found = json.loads(done.stdout)
    assert found.pop("broken.mmd"), "the parser must be one that refuses"
    assert found == dict.fromkeys(found, "")
    assert len(found) == len(names) - 1
