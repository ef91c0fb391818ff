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
EXAMPLE, LOCKED = EXAMPLES / "scale.jsonl", EXAMPLES / "scale_lock.jsonl"
_SHOWN = {  # where the result is kept, what is measured, and what may change
    "functions": (
        EXAMPLE,
        "records.py:check records.py:total --setup records.py:make --budget 60s",
        ("gil/2", "dispatch/10"),
    ),
    "locked": (LOCKED, "stock.py:reserve --setup stock.py:make --budget 45s", ("lock/2",)),
}
_SOURCES = {"records": "records.py", "stock": "stock.py"}

PARTS = tuple(_SHOWN)
PARENT = EXAMPLES / "parent.json"
_NOT_YET = "Not measured yet: `python docs/update.py scale --measure`."


def measure(name: str) -> None:
    """Measure the functions in the folder of the examples and keep the result, without paths of this machine."""
    example, functions, _ = _SHOWN[name]
    with tempfile.TemporaryDirectory() as folder:
        gilscope("predict", *functions.split(), "--out", f"{folder}/result", cwd=EXAMPLES)
        measured = Path(folder, "result", results.RESULT_NAME)
        header, _, rest = measured.read_text(encoding="ascii").partition("\n")
        shown = _shown(name, measured)
    facts = json.loads(header)
    facts["environment"]["interpreter"]["executable"] = "python"
    text = json.dumps(facts, separators=(",", ":")) + "\n" + rest
    quiet.keep(example, text.replace(f"{EXAMPLES}/", ""), facts["environment"]["checks"], shown)


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


def fed() -> str:
    """Return a table of how many workers one parent can feed, predicted and measured."""
    if not PARENT.exists():
        return _NOT_YET
    found = json.loads(PARENT.read_text(encoding="utf-8"))
    rows = []
    for one in sorted(found["saturations"], key=lambda one: one["sleep_ms"]):
        error = (one["low"] + one["high"]) / 2.0 / one["measured"] - 1.0
        predicted = f"{one['low']:.1f} to {one['high']:.1f}"
        rows.append(f"| {one['sleep_ms']:g} ms | {predicted} | {one['measured']:.1f} | {error:+.0%} |")
    head = (
        f"| a call, CPython {found['python']}, {found['start_method']} | predicted | measured | error of the middle |"
    )
    return "\n".join([head, "|---" * 4 + "|", *rows])


def section(name: str) -> str:
    """Return the file that is predicted, the command and what it printed, or the table of a check."""
    if name in ("checked", "fed"):
        return checked() if name == "checked" else fed()
    if name in _SOURCES:
        return f"```python\n{(EXAMPLES / _SOURCES[name]).read_text(encoding='utf-8')}```"
    example, functions, changes = _SHOWN[name]
    if not example.exists():
        return _NOT_YET
    what_if = " ".join(f"--what-if {one}" for one in changes)
    return terminal(f"predict {functions} {what_if}", f"\n{_shown(name, example)}")


def _shown(name: str, measured: Path) -> str:
    example, _, changes = _SHOWN[name]
    answer = replace(analyse(results.load(measured)), result=f"docs/examples/{example.name}")
    found = outlook(answer, changes=[read_change(one) for one in changes])
    return render_outlook(found, answer, unicode=True, width=_WIDTH)
