"""``python -m tests.worlds``: draw worlds, play them through the whole program, count what is right.

``FILE.json`` plays one world; ``--write FILE --seed N`` writes one that is drawn.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
from pathlib import Path

from tests.worlds.draw import drawn
from tests.worlds.judge import Judged, judge, judge_drawn
from tests.worlds.tables import report, wrong
from tests.worlds.world import World, WorldError, load, to_json

MOST_WRONG = 0.005


def main() -> int:
    """Return the exit status: 1 where too many are wrong, 2 where a world cannot be read."""
    parser = argparse.ArgumentParser(prog="python -m tests.worlds", description=__doc__)
    parser.add_argument("world", nargs="?", type=Path, help="play this world")
    parser.add_argument("--seed", type=int, default=1, help="of the first world (default: 1)")
    parser.add_argument("--count", type=int, default=2000, help="how many worlds (default: 2000)")
    parser.add_argument("--jobs", type=int, default=2, help="processes (default: 2)")
    parser.add_argument("--table", type=Path, help="write the tables into this file too")
    parser.add_argument("--write", type=Path, help="write the world of --seed into this file, and play nothing")
    asked = parser.parse_args()
    if asked.write:
        asked.write.write_text(to_json(drawn(asked.seed)), encoding="utf-8")
        return 0
    if asked.world:
        return _one(asked.world)
    begin = time.monotonic()
    with multiprocessing.get_context("spawn").Pool(asked.jobs) as pool:
        found = pool.map(judge_drawn, range(asked.seed, asked.seed + asked.count), chunksize=4)
    text = report(found)
    print(text)
    print(f"{len(found)} worlds in {time.monotonic() - begin:.0f} s")
    if asked.table:
        asked.table.parent.mkdir(parents=True, exist_ok=True)
        asked.table.write_text(text + "\n", encoding="utf-8")
    return 1 if len(wrong(found)) > MOST_WRONG * len(found) else 0


def _one(path: Path) -> int:
    try:
        world = load(path)
    except WorldError as error:
        print(error, file=sys.stderr)
        return 2
    found = judge(world, gate=True)
    print(said(world, found))
    return 1 if found.grade == "wrong" else 0


def said(world: World, found: Judged) -> str:
    """Return what was planted, what is true, what the tool said."""
    truth = found.truth
    losses = ", ".join(f"{name} {truth.loss(name):.0%}" for name in truth.gains) or "nothing"
    scales = {True: "scales", False: "does not scale", None: "at the threshold"}[truth.scales]
    return "\n".join(
        [
            f"planted  {' '.join(to_json(world).split())}",
            f"truth    S = {truth.speedup:.2f}, possible {truth.possible:.2f}, control {truth.machine:.2f}: {scales}",
            f"lost to  {losses}",
            f"said     {', '.join(found.said) or 'no finding'}; speed-up {found.speedup}; gains: {found.gains}",
            f"judged   {found.grade}{f': {found.why}' if found.why else ''}; gate {found.gate}",
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
