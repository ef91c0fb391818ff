"""docs/checked.md: planted worlds, injected faults, the probe of the GIL beside known holds; needs a quiet machine.

The probe's figures of other interpreters come from
``PYTHON benchmarks/selfbench/gil_probe.py --json docs/examples/gil_probe_X.Y.json``.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pages.shared import EXAMPLES, ROOT

FAULTS = EXAMPLES / "faults.json"
PROBE = EXAMPLES / f"gil_probe_{sys.version_info[0]}.{sys.version_info[1]}.json"  # of this interpreter
WORLDS = EXAMPLES / "worlds.txt"
SIZES = EXAMPLES / "release_sizes.txt"
COMMANDS = {
    "worlds": ["-m", "tests.worlds", "--count", "2000", "--table", WORLDS],
    "faults": ["-m", "benchmarks.selfbench.faults", "--budget", "20", "--json", FAULTS],
    "probe": ["benchmarks/selfbench/gil_probe.py", "--json", PROBE],
    "sizes": ["-m", "benchmarks.selfbench.release_sizes", "--table", SIZES],
}
_NOT_YET = "Not measured yet: `python docs/update.py checked --measure`."


def measure(part: str) -> None:
    """Measure with this interpreter; what misses its mark is printed, and is in the tables like the rest."""
    subprocess.run([sys.executable, *COMMANDS[part]], cwd=ROOT, check=False)


def faults() -> str:
    """Return the table of injected faults."""
    if not FAULTS.exists():
        return _NOT_YET
    sys.path.insert(0, str(ROOT))
    from benchmarks.selfbench.faults import HEAD, line

    kept = json.loads(FAULTS.read_text(encoding="utf-8"))
    return "\n".join([HEAD, *map(line, kept["faults"])])


def _probes() -> list[dict[str, Any]]:
    files = EXAMPLES.glob("gil_probe_*.json")
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted(files, key=_version)]


def _version(path: Path) -> tuple[int, ...]:
    return tuple(map(int, path.stem.removeprefix("gil_probe_").split(".")))


def _errors(rows: list[dict[str, Any]]) -> str:
    errors = [abs(row["error"]) for row in rows]
    return f"{statistics.mean(errors):.4f} | {max(errors):.4f}"


def _held(found: dict[str, Any]) -> str:
    adaptive, knocks = found["held_adaptive"], found["gilknocker_errors"]
    near = sum(row["within_two_standard_errors"] for row in adaptive)
    knocked = f"{statistics.mean(knocks):.3f} | {max(knocks):.3f}" if knocks else "- | -"
    return f"| {found['interpreter']} | {_errors(found['held_fixed'])} | {near} of {len(adaptive)} | {knocked} |"


def held() -> str:
    """Return the table of the held share's errors."""
    rows = [_held(found) for found in _probes()]
    head = [
        "| interpreter | mean error | worst | adaptive: within two standard errors | gilknocker, mean | worst |",
        "|---|---|---|---|---|---|",
    ]
    return "\n".join([*head, *rows]) if rows else _NOT_YET


def _waiting(found: dict[str, Any]) -> Iterator[str]:
    for row in found["waiting"]:
        threads = f"{row['threads']} x {row['doing']}"
        yield f"| {found['interpreter']} | {threads} | {row['expected']:.0f} | {row['waiting']:.3f} |"


def waiting() -> str:
    """Return the table of waiting threads."""
    rows = [line for found in _probes() for line in _waiting(found)]
    return "\n".join(["| interpreter | threads | expected | read |", "|---|---|---|---|", *rows]) if rows else _NOT_YET


def _observer(found: dict[str, Any]) -> Iterator[str]:
    for row in found.get("observer", ()):
        ratio = f"{row['ratio']:.4f} [{row['low']:.4f}, {row['high']:.4f}]"
        cost = f"{row['rate_hz']:.0f} | {ratio} | {row['own_cpu']:.2%}"
        yield f"| {found['interpreter']} | {row['load']} | {row['where']} | {row['pairs']} | {cost} |"


def observer() -> str:
    """Return the table of what monitoring costs."""
    rows = [line for found in _probes() for line in _observer(found)]
    head = [
        "| interpreter | load | monitor | pairs | samples per second | monitored / unmonitored | sampler's own CPU |",
        "|---|---|---|---|---|---|---|",
    ]
    return "\n".join([*head, *rows]) if rows else _NOT_YET


def _kept(path: Path) -> str:
    return path.read_text(encoding="utf-8").rstrip() if path.exists() else _NOT_YET


def worlds() -> str:
    """Return what was said of planted worlds: tables by machine and cause, the gate's, and those that were wrong."""
    return _kept(WORLDS)


def sizes() -> str:
    """Return the sizes from which functions release the GIL, as documented and as found."""
    return _kept(SIZES)


SECTIONS: dict[str, Callable[[], str]] = {
    "worlds": worlds,
    "faults": faults,
    "held": held,
    "waiting": waiting,
    "observer": observer,
    "sizes": sizes,
}


def section(name: str) -> str:
    """Return a table."""
    return SECTIONS[name]()
