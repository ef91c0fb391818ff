"""Is every loss explained? To be run on a quiet machine.

``python -m benchmarks.selfbench.unexplained [KERNEL...] [--budget 160]``

No kernel locks or sleeps, so of its losses nothing may be left over as blocked or residual: together below 3 % of
p x T(p) in threads and processes. Threads of a native runtime have no such parts; what they wait is listed beside.
Exit status 1 when a case has more left over than its interval excuses.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from typing import Any

from benchmarks.selfbench.claims import measure
from gilscope.analysis.rows import UNEXPLAINED
from gilscope.core.registry import KERNELS

WORDS = ("--implementations", "py_loop,cy_nogil,cy_prange", "--executors", "threads,processes,native", "--workers", "2")
_PARTS = ("blocked", "residual", "omp_idle")


def left_over(losses: Mapping[str, Any]) -> tuple[float, float]:
    """Return the sizes of blocked and residual together, and the least they can be by their intervals."""
    known = [part for part in (losses["blocked"], losses["residual"]) if part]
    return sum(abs(part["value"]) for part in known), sum(max(0.0, part["low"], -part["high"]) for part in known)


def line(row: Mapping[str, Any]) -> tuple[str, bool]:
    """Lay out a case; return it and whether too much is left over."""
    total, least = left_over(row["losses"])
    parts = [f"{100 * row['losses'][name]['value']:6.1f} %" if row["losses"][name] else f"{'-':>8}" for name in _PARTS]
    bad = total >= UNEXPLAINED
    excuse = " (its interval reaches below)" if bad and least < UNEXPLAINED else ""
    word = f"{100 * total:5.1f} %{'  TOO MUCH' if bad else ''}{excuse}"
    return f"{row['case']:44}{''.join(parts)}  {word}", bad and not excuse


def main() -> None:
    """Measure all kernels in one run and list what is left over."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kernels", nargs="*", default=KERNELS)
    parser.add_argument("--budget", default="160")
    words = parser.parse_args()
    document = measure(*words.kernels, *WORDS, "--budget", words.budget)
    print(f"{'case':44}{''.join(f'{name:>9}' for name in _PARTS)}  blocked + residual")
    cases = bad = 0
    for row in document["cases"]:
        if row["losses"]:
            text, too_much = line(row)
            cases, bad = cases + 1, bad + too_much
            print(text)
        elif row["status"] != "ok":
            print(f"{row['case']:44}{row['status']}: {row['reason']}")
    print(f"\n{cases - bad} of {cases} cases below {UNEXPLAINED:.0%}")
    sys.exit(bad > 0)


if __name__ == "__main__":
    main()
