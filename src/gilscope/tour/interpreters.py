"""Chapter: several interpreters in one process."""

from __future__ import annotations

from functools import partial

from gilscope.studies.traced._subinterpreters import available
from gilscope.tour._model import Experiment, chapter
from gilscope.tour._work import judge_overlap

CHAPTER = chapter("interpreters", {"sleeps": partial(Experiment, judge=judge_overlap, tries=3, available=available)})
