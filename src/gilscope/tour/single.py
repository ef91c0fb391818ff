"""Chapter: a single thread."""

from __future__ import annotations

from functools import partial

from gilscope.tour._model import Experiment, chapter
from gilscope.tour._work import judge_turns

CHAPTER = chapter("single", {"sleeps": partial(Experiment, judge=judge_turns)})
