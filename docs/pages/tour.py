"""docs/concepts: programs, diagrams and numbers of a real tour."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

from gilscope.report.timeline import best_svg
from gilscope.report.tour import MANY_FIGURES, figure_text
from gilscope.tour import CHAPTERS
from gilscope.tour._shown import ShownChapter, ShownExperiment, Tour
from pages.shared import EXAMPLES, ROOT, gilscope

TOUR = EXAMPLES / "tour.json"
PAGES = ROOT / "docs/concepts"
PICTURES = PAGES / "images"
HEAD = "<!-- written by docs/update.py tour from docs/examples/tour.json -->"


def measure(chapter: str) -> None:
    """Run a chapter and keep it in the document of the tour; pictures of experiments that are gone go, too."""
    tour = json.loads(gilscope("tour", chapter, "--json", stdout=subprocess.PIPE, timeout=600))
    kept = json.loads(TOUR.read_text(encoding="utf-8"))["chapters"]
    known = {each["name"]: each for each in (*kept, *tour["chapters"])}
    tour["chapters"] = [known[name] for name in CHAPTERS if name in known]
    TOUR.write_text(json.dumps(tour, separators=(",", ":")) + "\n", encoding="utf-8")
    for picture in PICTURES.glob("*.svg"):
        picture.unlink()


def page(chapter: ShownChapter) -> str:
    """Return the page of a chapter."""
    parts = [
        f"# {chapter.title}",
        HEAD,
        chapter.text,
        f"Copy a program and run it with Python. `gilscope tour {chapter.name}` runs and draws all of them.",
    ]
    for experiment in chapter.experiments:
        parts += _experiment(chapter.name, experiment)
    parts.append(f"> **Remember.** {chapter.remember}")
    return "\n\n".join(parts) + "\n"


def _experiment(chapter: str, experiment: ShownExperiment) -> Iterator[str]:
    yield f"## {experiment.title}"
    yield experiment.text
    yield f"```python\n{experiment.source.rstrip()}\n```"
    if experiment.trace is not None:
        yield f"![{_alt(experiment.seen)}](images/{chapter}-{experiment.name}.svg)"
    yield f"**Claim.** {experiment.claim}"
    if experiment.holds is None:
        yield f"**Measured.** n/a here: {experiment.reason}."
        return
    yield f"**Measured.** {experiment.seen}"
    if len(experiment.figures) < MANY_FIGURES:
        return
    rows = "\n".join(f"| {figure.name} | {figure_text(figure)} |" for figure in experiment.figures)
    yield f"| measured | |\n|---|---:|\n{rows}"


def _alt(text: str) -> str:
    return text.replace("[", "(").replace("]", ")")


def pictures(chapter: ShownChapter) -> Iterator[tuple[str, str]]:
    """Yield file name and content of the timelines of a chapter."""
    for experiment in chapter.experiments:
        if experiment.trace is not None:
            name = f"{chapter.name}-{experiment.name}"
            yield f"{name}.svg", best_svg(experiment.trace.trace(experiment.title), ident=name) + "\n"


def figure(tour: Tour, chapter: str, experiment: str, name: str) -> str:
    """Return one measured figure, n/a where it could not be measured."""
    for found in (e for c in tour.chapters if c.name == chapter for e in c.experiments):
        if found.name == experiment:
            values = [each for each in found.figures if each.name == name]
            return figure_text(values[0]) if values else "n/a"
    raise KeyError(f"{chapter}/{experiment}")


def choosing(tour: Tour) -> str:
    """Return the page that tells which to use when."""

    def measured(chapter: str, experiment: str, name: str) -> str:
        return figure(tour, chapter, experiment, name)

    python = tour.interpreter
    rows = [
        ("one thread", "-", measured("cpu", "single", "wall"), "-", "nothing can overlap"),
        (
            "threads",
            measured("lifecycle", "costs", "thread"),
            measured("cpu", "threads", "wall"),
            measured("cpu", "threads", "cores used"),
            "waiting for many things; C code that releases the GIL; free-threaded Python",
        ),
        (
            "processes",
            measured("lifecycle", "costs", "process"),
            measured("cpu", "processes", "wall"),
            measured("cpu", "processes", "cores used"),
            "work in pure Python; code that may crash or leak",
        ),
        (
            "interpreters",
            "-",
            measured("cpu", "interpreters", "wall"),
            measured("cpu", "interpreters", "cores used"),
            "work in pure Python without the price of processes, from Python 3.12 on",
        ),
        ("asyncio", "-", measured("cpu", "asyncio", "wall"), "-", "thousands of connections that mostly wait"),
    ]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    sent = "\n".join(
        f"| {name.replace('-', ' ')} | {measured('ipc', name, 'median round trip')} |"
        for name in ("pipe", "socket", "shared-memory", "queue", "signal")
    )
    return f"""# When to use which

{HEAD}

Measured by the tour on one machine with Python {python}: the same counting loop twice, one after the other or side by
side.

| | start and join | counting twice | cores used | for |
|---|---:|---:|---:|---|
{table}

What a message to another process and its reply take:

| through a | round trip |
|---|---:|
{sent}

1. Does the time go into **waiting**? Then [tasks](asyncio.md) if every library you call awaits, else
   [threads](threads.md).
2. Into **computing in C** (NumPy, hashing, compression, your own Cython or Numba without the GIL)? Then
   [threads](threads.md): they share memory and cost next to nothing. `gilscope audit` tells which functions release
   the [GIL](gil.md).
3. Into **computing in Python**? Then [processes](processes.md), as long as a task is much longer than a round trip and
   its data is small; [interpreters](interpreters.md) if all modules you need can be imported there. Before that,
   consider [compiling the loop](native.md): it is often worth more than all cores together.
4. Could it **crash or leak**? Then a [process of its own](isolation.md), whatever else.
5. Do several threads **change the same thing**? Then [synchronize](synchronization.md), or better hand it over by a
   queue.

Not sure? `gilscope profile your/module.py:function` measures all of them on your own function.
"""


def contents(tour: Tour) -> str:
    """Return the list of all pages."""
    lines = [f"- [{chapter.title}]({chapter.name}.md): {chapter.remember}" for chapter in tour.chapters]
    chapters = "\n".join([*lines, "- [When to use which](choosing.md)"])
    return f"""# Concepts

{HEAD}

One page per chapter of `gilscope tour`: programs to copy and run, what one run of them did on one machine, and what to
remember. The first seven are an introduction in this order.

{chapters}
"""


def written(tour: Tour) -> dict[Path, str]:
    """Return every file and its content."""
    files = {PAGES / "index.md": contents(tour), PAGES / "choosing.md": choosing(tour)}
    for chapter in tour.chapters:
        files[PAGES / f"{chapter.name}.md"] = page(chapter)
        files.update({PICTURES / name: text for name, text in pictures(chapter)})
    return files


def files() -> dict[Path, str]:
    """Return the files of the kept tour."""
    return written(Tour.of(json.loads(TOUR.read_text(encoding="utf-8"))))
