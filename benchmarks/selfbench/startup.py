"""What every call of gilscope costs before it does anything: interleaved starts, medians with their intervals.

Run: ``python benchmarks/selfbench/startup.py [ROUNDS]``. Each round starts every command once, in turn, so that drift
of the machine meets all alike; a bare interpreter is the floor.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

from gilscope.stats import median_interval

COMMANDS = {
    "python -c pass": ["-c", "pass"],
    "import gilscope": ["-c", "import gilscope"],
    "import typer": ["-c", "import typer"],
    "gilscope --help": ["-m", "gilscope", "--help"],
    "gilscope --version": ["-m", "gilscope", "--version"],
    "gilscope run --help": ["-m", "gilscope", "run", "--help"],
    "gilscope run --workers 0": ["-m", "gilscope", "run", "--workers", "0"],
    "gilscope list": ["-m", "gilscope", "list"],
}


def start_s(arguments: list[str]) -> float:
    """Return the wall seconds of one start."""
    begin = time.perf_counter()
    subprocess.run([sys.executable, *arguments], capture_output=True, check=False)
    return time.perf_counter() - begin


def main(rounds: int) -> None:
    """Print median and 95 % interval of every command, and what it adds to a bare interpreter."""
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for arguments in COMMANDS.values():
        start_s(arguments)  # byte code and file caches
    for _ in range(rounds):
        for name, arguments in COMMANDS.items():
            times[name].append(start_s(arguments))
    bare = times["python -c pass"]
    for name, sample in times.items():
        found = median_interval(sample)
        added = statistics.median(a - b for a, b in zip(sample, bare, strict=True))
        ends = f"[{1000 * found.low:.0f}, {1000 * found.high:.0f}]"
        print(f"{name:26} {1000 * found.value:6.1f} ms {ends:>12}   +{1000 * added:.1f} ms")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
