"""docs/kernels: the table of each page, from the result that its command leaves; about a minute and a half each."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from gilscope import results
from gilscope.analysis import Answer, analyse
from gilscope.analysis.rows import CaseRow, is_measured
from gilscope.env import capture
from gilscope.report import figures
from gilscope.report.sentences.environment import check_notes, environment_note
from gilscope.report.sentences.kernels import hardware_words
from gilscope.report.sentences.notes import unavailable_notes
from pages.shared import ROOT, fill

PAGES = ROOT / "docs/kernels"
BUDGET_S = 60.0


def command(kernel: str, budget_s: float, size: str | None) -> list[str]:
    """Return the command line that measures a kernel on one and on all usable CPUs."""
    cpus = capture()["cpus"]["count"]
    workers = "1" if cpus == 1 else f"1,{cpus}"
    sized = [] if size is None else ["--size", size]
    return ["gilscope", "run", kernel, "--workers", workers, "--budget", f"{budget_s:g}", *sized]


def measured(words: Sequence[str]) -> Answer:
    """Run a command line of gilscope and analyse the result it leaves.

    Raises
    ------
    SystemExit
        If a case failed: a page shows no kernel that does not work.
    """
    with tempfile.TemporaryDirectory() as folder:
        run = [sys.executable, "-m", *words, "--quiet", "--out", f"{folder}/result"]
        done = subprocess.run(run, stdout=subprocess.DEVNULL)
        if done.returncode:
            raise SystemExit(f"{' '.join(words)} ended with {done.returncode}; its page is left as it was")
        return analyse(results.load(Path(folder, "result")))


def section(answer: Answer, kernel: str, words: Sequence[str]) -> str:
    """Return what a page shows of a measurement: the command, the machine, the table, what is not available."""
    head = [f"    $ {' '.join(words)}", "", environment_note(answer.surroundings) + "  "]
    head += [f"caution: {text}  " for text in check_notes(answer.surroundings)]
    study = answer.kernel(kernel)
    if study is not None:
        head.append(f"{study.blocks} blocks; {worth(answer.rows)}  ")
    absent = [f"- n/a: {text}" for text in unavailable_notes(answer, kernel)]
    return figures.printable("\n".join([*head, "", *table(answer, kernel), *([""] if absent else []), *absent]))


def worth(rows: Sequence[CaseRow]) -> str:
    """Say how much the intervals of the speed-ups are worth."""
    confidences = [row.judged.confidence for row in rows if row.judged is not None]
    return f"the intervals hold with {100 * min(confidences):.0f} % confidence" if confidences else "no speed-up"


def table(answer: Answer, kernel: str) -> list[str]:
    """Return the lines of a table with a row per implementation and executor.

    The speed-up is the one that decisions go by, over T(1), serial or in one thread of its own, whose rate is shown as
    that of one worker. Of the hardware: the share of what it gives as many threads; none where operations and bytes are
    not counted, or data stay in the caches.
    """
    shown = [row for row in answer.by_kernel[kernel] if is_measured(row) and row.judged is not None]
    most = max((row.case.workers for row in shown), default=1)
    unit = next((row.rate.unit for row in shown if row.rate is not None), "work")
    titles = [
        "implementation",
        "size",
        "executor",
        f"{unit}/s, one worker",
        f"{unit}/s, {most}",
        "net speed-up",
        "of the hardware",
        "findings",
    ]
    lines = [titles, ["---"] * len(titles), *(_cells(answer, row) for row in shown if row.case.workers == most)]
    return [f"| {' | '.join(cells)} |" for cells in lines]


def _cells(answer: Answer, row: CaseRow) -> list[str]:
    return [
        row.case.implementation,
        row.case.size,
        row.case.how,
        _rate(answer.row_of.get(row.case.t1.id)),
        _rate(row),
        figures.interval(row.judged),
        hardware_words(row) or figures.NONE,
        ", ".join(row.codes) or figures.NONE,
    ]


def _rate(row: CaseRow | None) -> str:
    if row is None or row.rate is None:
        return figures.NONE
    return f"{figures.si(row.rate.value).strip()} {figures.spread(row.rate)}"


def filled(page: str, kernel: str, text: str) -> str:
    """Return a page with its section replaced.

    Raises
    ------
    ValueError
        If the page has no such section, or more than one.
    """
    count = page.count(f"<!-- output:{kernel} -->")
    if count != 1:
        raise ValueError(f"the page of {kernel} has {count} sections <!-- output:{kernel} -->, one is needed")
    return fill(page, lambda _: text)


def measure(kernel: str, pages: Path = PAGES, budget_s: float = BUDGET_S, size: str | None = None) -> None:
    """Measure a kernel and fill its page."""
    path = pages / f"{kernel}.md"
    page = filled(path.read_text(encoding="utf-8"), kernel, "")  # a page that cannot be filled is not measured for
    words = command(kernel, budget_s, size)
    text = section(measured(words), kernel, words)
    path.write_text(filled(page, kernel, text), encoding="utf-8")
