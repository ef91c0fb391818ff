"""docs/wheels.md: what was tried in roots of Debian, from what ``.ci/debian.py`` kept."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

from gilscope.core.registry import KERNELS, PROBES
from pages.shared import EXAMPLES, ROOT

KEPT = EXAMPLES / "roots"
ROOTS = ("trixie-arm64", "bookworm-arm64", "trixie-amd64", "bookworm-amd64")
_NOT_YET = "Not tried yet: `python docs/update.py wheels --measure`."


def measure(part: str) -> None:
    """Try a root, as root and for some minutes; what fails is in the tables too."""
    subprocess.run([sys.executable, ".ci/debian.py", "--json", KEPT, part], cwd=ROOT, check=False)


def _found(check: str) -> Iterator[dict[str, Any]]:
    for name in ROOTS:
        path = KEPT / f"{name}.json"
        found = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        if check in found:
            yield found


def _table(head: str, rows: list[str]) -> str:
    return "\n".join([head, "|".join(["", *["---"] * (head.count("|") - 1), ""]), *rows]) if rows else _NOT_YET


def conformance() -> str:
    """Return a row per root with the number of tests that passed, and one with the reason for each group skipped."""
    rows = []
    for found in _found("conformance"):
        tests, probe = found["conformance"], found["probe"]
        number = {word: sum(by.get(word, 0) for by in tests["counts"].values()) for word in ("passed", "failed")}
        system = f"{found['root']} | {probe['libc']} | CPython {probe['python']}"
        skipped = "; ".join(f"{count}: {reason}" for reason, count in tests["skipped"].items())
        tried = f"{len(tests['kernels'])} of {len((*KERNELS, *PROBES))}"
        rows.append(f"| {system} | {tried} | **{number['passed']}** | {number['failed']} | {skipped or '-'} |")
    return _table("| root | C library | interpreter | kernels | passed | failed | skipped, and why |", rows)


def probe() -> str:
    """Return a row per root: each part of the GIL probe verified, or why it is refused."""
    rows = []
    for found in _found("probe"):
        parts = found["probe"]["parts"]
        refused: dict[str, list[str]] = {}
        for part, reason in parts.items():
            refused.setdefault(reason, []).append(part)
        verified = ", ".join(refused.pop("", ())) or "-"
        reasons = "; ".join(f"{', '.join(names)}: {reason}" for reason, names in refused.items())
        rows.append(f"| {found['root']} | {verified} | {reasons or '-'} |")
    return _table("| root | verified | refused, and why |", rows)


def profiled() -> str:
    """Return a row per root: how the cases of the two functions ended."""
    rows = []
    for found in _found("profile"):
        ended = list(found["profile"]["cases"].values())
        others = "; ".join(sorted({reason for reason in ended if reason != "measured"}))
        rows.append(f"| {found['root']} | {ended.count('measured')} of {len(ended)} | {others or '-'} |")
    return _table("| root | cases measured | others |", rows)


def waiters() -> str:
    """Return what was read of threads that wait for the GIL, as printed."""
    printed = ["\n".join(found["waiters"]["lines"]) for found in _found("waiters") if found["waiters"]["lines"]]
    return "```\n" + "\n\n".join(printed) + "\n```" if printed else _NOT_YET


SECTIONS: dict[str, Callable[[], str]] = {
    "conformance": conformance,
    "probe": probe,
    "profiled": profiled,
    "waiters": waiters,
}


def section(name: str) -> str:
    """Return a table."""
    return SECTIONS[name]()
