"""Write pages of the documentation from kept measurements, so that no number in them was ever typed.

Run: ``python docs/update.py PAGE[/PART]... [--measure]``. Without ``--measure`` the kept files of docs/examples are
laid out again. With it the pages, or only the parts that are named (``kernels/nbody``, ``studies/ipc``), are measured
first. A busy machine is refused, and so is a measurement that shows an interval without ends (``pages/quiet.py``).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pages import (
    audit,
    checked,
    gil,
    glossary,
    kernels,
    quiet,
    reliability,
    report,
    scale,
    sessions,
    studies,
    tour,
    wheels,
)
from pages.shared import ROOT, fill

from gilscope.core.registry import KERNELS

Files = Mapping[Path, str]


@dataclass(frozen=True)
class Page:
    """How a page is made."""

    measure: Callable[[str], None]
    """Makes what a part of the page shows."""
    parts: Iterable[str]
    files: Callable[[], Files] | None = None
    """Gives the files of the page; None if nothing is kept, so that ``measure`` writes the page itself."""


def sections_of(page: str, section: Callable[[str], str]) -> Callable[[], Files]:
    """Return what fills the sections of a page, a path below the checkout."""
    path = ROOT / page
    return lambda: {path: fill(path.read_text(encoding="utf-8"), section)}


PAGES = {
    "audit": Page(audit.measure, audit.COMMANDS, sections_of("docs/audit.md", audit.section)),
    "checked": Page(checked.measure, checked.COMMANDS, sections_of("docs/checked.md", checked.section)),
    "contention": Page(sessions.measure, ("contention",), sections_of("docs/contention.md", sessions.section)),
    "engines": Page(
        lambda part: (studies if part in studies.ENGINES else sessions).measure(part),
        ("engines", *studies.ENGINES),
        sections_of("docs/engines.md", lambda part: (studies if part in studies.ENGINES else sessions).section(part)),
    ),
    "findings": Page(glossary.measure, (), sections_of("docs/findings.md", glossary.section)),
    "gil": Page(gil.measure, gil.PARTS, sections_of("docs/gil.md", gil.section)),
    "interpreters": Page(sessions.measure, ("gil",), sections_of("docs/interpreters.md", sessions.section)),
    "kernels": Page(kernels.measure, KERNELS),
    "readme": Page(sessions.measure, ("profile",), sections_of("README.md", sessions.section)),
    "reliability": Page(reliability.measure, ("faults",), sections_of("docs/reliability.md", reliability.section)),
    "report": Page(report.measure, report.PARTS),
    "scale": Page(scale.measure, scale.PARTS, sections_of("docs/scale.md", scale.section)),
    "start": Page(sessions.measure, ("run",), sections_of("docs/start.md", sessions.section)),
    "studies": Page(studies.measure, studies.STUDIES, sections_of("docs/studies.md", studies.section)),
    "tour": Page(tour.measure, tour.CHAPTERS, tour.files),
    "wheels": Page(wheels.measure, wheels.ROOTS, sections_of("docs/wheels.md", wheels.section)),
    "tutorial": Page(sessions.measure, ("profile",), sections_of("docs/tutorial.md", sessions.section)),
}


def update(name: str, parts: Iterable[str]) -> None:
    """Measure parts of a page, if any, and write its files."""
    page = PAGES[name]
    for part in parts:
        page.measure(part)
    for path, text in page.files().items() if page.files else ():
        path.write_text(text, encoding="utf-8")


def main(arguments: list[str]) -> None:
    """Read the command line and update the pages."""
    parser = argparse.ArgumentParser(description="write pages of the documentation from kept measurements")
    parser.add_argument("pages", nargs="+", metavar="PAGE[/PART]", help=", ".join(PAGES))
    parser.add_argument("--measure", action="store_true", help="measure first, on a machine that does nothing else")
    options = parser.parse_args(arguments)
    chosen: dict[str, list[str]] = {}
    for word in options.pages:
        name, _, part = word.partition("/")
        page = PAGES.get(name)
        if page is None or (part and part not in page.parts):
            parser.error(f"no page {word}" if page is None else f"no {part}: {name} has {', '.join(page.parts)}")
        if page.files is None and not options.measure:
            parser.error(f"nothing is kept of {name}: add --measure")
        chosen.setdefault(name, []).extend([part] if part else page.parts)
    if options.measure and (why := quiet.busy_now()):
        raise SystemExit(f"nothing is measured: {why}")
    for name, parts in chosen.items():
        update(name, parts if options.measure else ())


if __name__ == "__main__":
    main(sys.argv[1:])
