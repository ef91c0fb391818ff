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
_NOT_YET = "Not measured yet: `python docs/update.py scale --measure`."


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


def checked() -> str:
    """Return a table of how right predictions were, a row per interpreter."""
    rows = []
    for path in sorted(EXAMPLES.glob("prediction_*.json")):
        found = json.loads(path.read_text(encoding="utf-8"))
        for name, what in (("all", "all"), ("knee", "p h from 0.5 to 2")):
            one = found["summary"][name]
            errors = f"{one['median_error']:.1%} | {one['worst_error']:.1%}"
            widths = f"{one['median_width']:.2f} | {one['widest']:.2f}"
            rows.append(f"| {found['python']} | {what} | {one['points']} | {one['inside']:.0%} | {errors} | {widths} |")
    head = (
        "| Python | points | number | inside the band | median error | worst | band, high over low: median | widest |"
    )
    return "\n".join([head, "|---" * 8 + "|", *rows]) if rows else _NOT_YET


def section(name: str) -> str:
    """Return the file that is predicted, the command and what it printed, or the table of a check."""
    if name == "checked":
        return checked()
    if name == "records":
        return f"```python\n{(EXAMPLES / 'records.py').read_text(encoding='utf-8')}```"
    if not EXAMPLE.exists():
        return _NOT_YET
    changes = " ".join(f"--what-if {one}" for one in _CHANGES)
    return terminal(f"predict {_FUNCTIONS} {changes}", f"\n{_shown(EXAMPLE)}")


def _shown(example: Path) -> str:
    answer = replace(analyse(results.load(example)), result=f"docs/examples/{EXAMPLE.name}")
    found = outlook(answer, changes=[read_change(one) for one in _CHANGES])
    return render_outlook(found, answer, unicode=True, width=_WIDTH)
