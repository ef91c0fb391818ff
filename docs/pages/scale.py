"""docs/scale.md: what ``gilscope predict`` says of the example functions, from a kept result."""

from __future__ import annotations

import json
import tempfile
from dataclasses import replace
from pathlib import Path

from gilscope import results
from gilscope.analysis import analyse
from gilscope.analysis.predict.outlook import outlook
from gilscope.analysis.predict.whatif import read_change
from gilscope.report.terminal.predict import render_outlook
from pages import quiet
from pages.shared import EXAMPLES, gilscope, terminal

_WIDTH = 100
EXAMPLE = EXAMPLES / "scale.jsonl"
_FUNCTIONS = "records.py:check records.py:total --setup records.py:make --budget 60s"
_CHANGES = ("gil/2", "dispatch/10")

PARTS = ("functions",)


def measure(name: str) -> None:
    """Measure the functions in the folder of the examples and keep the result, without paths of this machine."""
    with tempfile.TemporaryDirectory() as folder:
        gilscope("predict", *_FUNCTIONS.split(), "--out", f"{folder}/result", cwd=EXAMPLES)
        measured = Path(folder, "result", results.RESULT_NAME)
        header, _, rest = measured.read_text(encoding="ascii").partition("\n")
        shown = _shown(measured)
    facts = json.loads(header)
    facts["environment"]["interpreter"]["executable"] = "python"
    text = json.dumps(facts, separators=(",", ":")) + "\n" + rest
    quiet.keep(EXAMPLE, text.replace(f"{EXAMPLES}/", ""), facts["environment"]["checks"], shown)


def section(name: str) -> str:
    """Return the file that is predicted, or the command and what it printed."""
    if name == "records":
        return f"```python\n{(EXAMPLES / 'records.py').read_text(encoding='utf-8')}```"
    changes = " ".join(f"--what-if {one}" for one in _CHANGES)
    return terminal(f"predict {_FUNCTIONS} {changes}", f"\n{_shown(EXAMPLE)}")


def _shown(example: Path) -> str:
    answer = replace(analyse(results.load(example)), result=f"docs/examples/{EXAMPLE.name}")
    found = outlook(answer, changes=[read_change(one) for one in _CHANGES])
    return render_outlook(found, answer, unicode=True, width=_WIDTH)
