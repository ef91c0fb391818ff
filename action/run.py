"""What the action runs: profile, compare with the run before, follow all runs, and write a comment and a badge.

It reads environment variables, so that no text of a workflow becomes part of a command line:

GILSCOPE_PROFILE   arguments of ``gilscope profile``, quoted as for a shell
GILSCOPE_HISTORY   folder of the runs; this one is added
GILSCOPE_OUT       folder for comment.md, history.html, badge.svg, badge.json, and with Jinja2 report.html
GILSCOPE_FAIL_ON   gate of ``gilscope compare``, such as slower:5%; empty for none
GILSCOPE_REGRESSION  ``true``: fail where the newest runs are worse than those before

Exit status: 1 if a case failed, or a gate was missed; a gate that could not decide is said in the comment.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import time
from pathlib import Path

MARK = "<!-- gilscope -->"
"""First line of the comment: by it the next run finds the comment, and replaces it."""

_UNDECIDED = 3


def gilscope(*words: str) -> subprocess.CompletedProcess[str]:
    """Run gilscope and pass on what it complains about; bad usage ends the action."""
    done = subprocess.run([sys.executable, "-m", "gilscope", *words], stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode == 2:
        raise SystemExit(2)
    return done


def newest(history: Path) -> Path | None:
    """Return the newest result of the history, None where there is none yet."""
    if not any(history.rglob("*.jsonl")):
        return None
    runs = json.loads(gilscope("history", str(history), "--json").stdout)["runs"]
    results = [run["path"] for run in runs if run["path"].endswith(".jsonl")]
    return history / results[-1] if results else None


def main() -> int:
    """Measure, compare, write; return the exit status."""
    history, out = (Path(os.environ[f"GILSCOPE_{name}"]) for name in ("HISTORY", "OUT"))
    gate, watch = os.environ.get("GILSCOPE_FAIL_ON", ""), os.environ.get("GILSCOPE_REGRESSION") == "true"
    for folder in (history, out):
        folder.mkdir(parents=True, exist_ok=True)
    before = newest(history)
    run = history / f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{os.getpid()}"
    profiled = gilscope("profile", *shlex.split(os.environ["GILSCOPE_PROFILE"]), "--out", str(run), "--quiet")
    print(profiled.stdout)
    if (report := run / "report.html").exists():  # the history keeps results alone
        report.replace(out / "report.html")
    statuses, parts = [profiled.returncode], [MARK, "### gilscope"]
    if before is None:
        parts.append(f"The first run: nothing to compare it with.\n\n```\n{profiled.stdout.strip()}\n```")
    else:
        words = ["--fail-on", gate] if gate else []
        compared = gilscope("compare", str(before), str(run), "--format", "markdown", *words)
        statuses.append(compared.returncode)
        parts.append(compared.stdout.strip())
    files = ["--html", str(out / "history.html"), "--badge", str(out / "badge.svg"), "--badge", str(out / "badge.json")]
    followed = gilscope("history", str(history), *files, *(["--fail-on-regression"] if watch else []))
    print(followed.stdout)
    statuses.append(followed.returncode)
    summary = f"<details><summary>Over time</summary>\n\n```\n{followed.stdout.strip()}\n```\n\n</details>"
    comment = "\n\n".join([*parts, summary]) + "\n"
    (out / "comment.md").write_text(comment, encoding="utf-8")
    if step := os.environ.get("GITHUB_STEP_SUMMARY"):
        with Path(step).open("a", encoding="utf-8") as file:
            file.write(comment)
    return max((status for status in statuses if status != _UNDECIDED), default=0)


if __name__ == "__main__":
    raise SystemExit(main())
