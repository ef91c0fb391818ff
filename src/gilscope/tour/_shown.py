"""What the tour shows: its chapters and what their experiments showed, as JSON stores it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from gilscope.core import typed
from gilscope.core.trace import StoredTrace, Trace
from gilscope.results.surroundings import Surroundings
from gilscope.tour import _program
from gilscope.tour._model import Chapter, ExperimentRun, Figure

_MOST_EVENTS = 2000  # per experiment; beyond, the shortest are left out


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownExperiment:
    """An experiment and what one run of it showed.

    ``holds`` and ``trace`` are None where the program could not run, for the reason in ``reason``. ``seen`` is what was
    observed, in a sentence; ``mermaid`` is the sequence diagram, empty without a trace.
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
    def of(cls, run: ExperimentRun, diagram: Callable[[Trace], str]) -> ShownExperiment:
        """Return what is shown of a run; ``diagram`` draws the sequence diagram."""
        experiment, judgement, trace = run.experiment, run.judgement, run.trace
        return cls(
            name=experiment.name,
            title=experiment.title,
            text=experiment.text,
            source=_program.shown(experiment.program),
            claim=experiment.claim,
            holds=None if judgement is None else judgement.holds,
            seen="" if judgement is None else judgement.observed,
            reason=run.availability.reason,
            cure=run.availability.cure,
            figures=() if judgement is None else judgement.figures,
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
    def of(cls, chapter: Chapter, runs: Iterable[ExperimentRun], diagram: Callable[[Trace], str]) -> ShownChapter:
        """Return what is shown of a chapter; ``diagram`` draws the sequence diagram of a trace."""
        return cls(
            name=chapter.name,
            title=chapter.title,
            text=chapter.text,
            experiments=tuple(ShownExperiment.of(run, diagram) for run in runs),
            remember=chapter.remember,
        )

    @property
    def holds(self) -> bool:
        """Whether no claim failed; one that could not be tried has not."""
        return all(experiment.holds is not False for experiment in self.experiments)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tour:
    """A tour that was taken; ``environment`` has ``interpreter`` and ``usable_cpus`` as JSON has them."""

    tool_version: str
    environment: Mapping[str, Any]
    chapters: tuple[ShownChapter, ...]

    @property
    def interpreter(self) -> str:
        """Name of the interpreter in case ids: ``3.13t``."""
        return Surroundings.of(self.environment).interpreter.label or "?"

    def to_json(self) -> dict[str, Any]:
        """Return the document of ``gilscope tour --json``."""
        return {"schema": "gilscope.tour", "schema_version": 1, **asdict(self)}

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Tour:
        """Read a stored tour; raise ValueError if it lacks something."""
        return typed.read(cls, document)
