"""Every claim of the tour is seen in the events of a run of its program, here and now."""

from __future__ import annotations

import ast

import pytest

from gilscope.tour import CHAPTERS, load_chapter
from gilscope.tour._model import Experiment, run_experiment

EXPERIMENTS = [
    pytest.param(name, experiment, id=f"{name}-{experiment.name}")
    for name in CHAPTERS
    for experiment in load_chapter(name).experiments
]


@pytest.mark.measuring
@pytest.mark.parametrize(("chapter", "experiment"), EXPERIMENTS)
def test_the_claim_holds(chapter: str, experiment: Experiment) -> None:
    seen = run_experiment(experiment)
    if seen.judgement is None:
        assert seen.availability.reason
        pytest.skip(f"cannot be tried here: {seen.availability.reason}")
    assert seen.judgement.holds, seen.judgement.observed
    assert seen.judgement.figures
    assert seen.trace is not None
    assert seen.trace.lanes


@pytest.mark.parametrize("name", CHAPTERS)
def test_a_chapter_explains_claims_and_sums_up(name: str) -> None:
    chapter = load_chapter(name)
    assert chapter.name == name
    assert len({experiment.name for experiment in chapter.experiments}) == len(chapter.experiments) > 0
    for text in (chapter.title, chapter.text, chapter.remember):
        assert text
    for experiment in chapter.experiments:
        assert experiment.text.endswith((".", ":"))
        assert experiment.claim.endswith(".")
        ast.parse(experiment.program)
