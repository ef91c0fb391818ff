"""What is shown of the tour: its chapters with what their programs showed, as it is stored, and read back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from gilscope.core import typed
from gilscope.core.trace import StoredTrace, Trace
from gilscope.results.surroundings import Surroundings
from gilscope.tour._model import Chapter, Figure, Seen, source_of

__all__ = ["TOUR_SCHEMA", "ShownChapter", "ShownExperiment", "Tour"]

TOUR_SCHEMA, TOUR_SCHEMA_VERSION = "gilscope.tour", 1

_MOST_EVENTS = 2000  # per experiment; beyond, the shortest are left out


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownExperiment:
    """A program of the tour and what a run of it showed.

    Parameters
    ----------
    name, title, text, source, claim : str
        Of the experiment; the source as it ran.
    holds : bool or None
        Whether the claim held; None where it could not run.
    seen : str
        What was seen, in a sentence.
    reason, cure : str
        Why it could not run, and what to do.
    figures : tuple of Figure
    trace : StoredTrace or None
    mermaid : str
        The sequence diagram; empty without a trace.
    """

    name: str
    title: str
    text: str
    source: str
    claim: str
    holds: bool | None
    seen: str
    reason: str
    cure: str
    figures: tuple[Figure, ...]
    trace: StoredTrace | None
    mermaid: str

    @classmethod
    def of(cls, seen: Seen, diagram: Callable[[Trace], str]) -> ShownExperiment:
        """Return what is shown of an experiment; ``diagram`` draws the sequence diagram."""
        experiment, verdict, trace = seen.experiment, seen.verdict, seen.trace
        return cls(
            name=experiment.name,
            title=experiment.title,
            text=experiment.text,
            source=source_of(experiment),
            claim=experiment.claim,
            holds=None if verdict is None else verdict.holds,
            seen="" if verdict is None else verdict.seen,
            reason=seen.availability.reason,
            cure=seen.availability.cure,
            figures=() if verdict is None else verdict.figures,
            trace=None if trace is None else StoredTrace.of(trace, _MOST_EVENTS),
            mermaid="" if trace is None else diagram(trace),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownChapter:
    """A chapter and what its experiments showed."""

    name: str
    title: str
    text: str
    experiments: tuple[ShownExperiment, ...]
    remember: str

    @classmethod
    def of(cls, chapter: Chapter, seen: Iterable[Seen], diagram: Callable[[Trace], str]) -> ShownChapter:
        """Return what is shown of a chapter; ``diagram`` draws the sequence diagram of a trace."""
        return cls(
            name=chapter.name,
            title=chapter.title,
            text=chapter.text,
            experiments=tuple(ShownExperiment.of(each, diagram) for each in seen),
            remember=chapter.remember,
        )

    @property
    def holds(self) -> bool:
        """Whether no claim failed; one that could not be tried has not."""
        return all(experiment.holds is not False for experiment in self.experiments)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tour:
    """A tour that was taken.

    Parameters
    ----------
    tool_version : str
    environment : mapping
        ``interpreter`` and ``usable_cpus``, as JSON has them.
    chapters : tuple of ShownChapter
    """

    tool_version: str
    environment: Mapping[str, Any]
    chapters: tuple[ShownChapter, ...]

    @property
    def interpreter(self) -> str:
        """Name of the interpreter in case ids: ``3.13t``."""
        return Surroundings.of(self.environment).interpreter.label or "?"

    def to_json(self) -> dict[str, Any]:
        """Return the document of ``gilscope tour --json``."""
        return {"schema": TOUR_SCHEMA, "schema_version": TOUR_SCHEMA_VERSION, **asdict(self)}

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Tour:
        """Read a stored tour.

        Raises
        ------
        ValueError
            If it lacks something.
        """
        return typed.read(cls, document)
