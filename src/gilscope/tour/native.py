"""Chapter: the same loop, compiled."""

from __future__ import annotations

import importlib.util
import shutil
import sysconfig
from functools import partial
from typing import Any

from gilscope.core.spec import Availability
from gilscope.core.trace import Trace, duration
from gilscope.env.interpreter import gil_enabled
from gilscope.tour._model import Experiment, Judgement, chapter, seconds, when
from gilscope.tour._work import cores_experiment, two_cpus, with_two_cpus

_BOTH, _ONE = "Both threads run at the same time.", "Two threads use no more than one core."


def _numba() -> Availability:
    return when(importlib.util.find_spec("numba") is not None, "Numba is not installed", "pip install numba")


def _cython() -> Availability:
    if importlib.util.find_spec("Cython") is None:
        return when(False, "Cython is not installed", "pip install cython setuptools")
    compiler = (sysconfig.get_config_var("CC") or "cc").split()[0]
    return when(shutil.which(compiler) is not None, f"there is no C compiler {compiler}", "install one")


def _judge_speeds(trace: Trace, result: Any) -> Judgement:
    python, compiled = result["Python"], result["Numba"]
    took = f"Python took {duration(python)}, Numba {duration(compiled)}: {python / compiled:.0f} times as fast."
    return Judgement(compiled * 5 < python, took, tuple(seconds(name, ns) for name, ns in result.items()))


_parallel = partial(cores_experiment, spans="computing")

CHAPTER = chapter(
    "native",
    {
        "speeds": partial(Experiment, judge=_judge_speeds, available=_numba),
        "python": partial(
            _parallel, claim=_ONE if gil_enabled() else _BOTH, together=not gil_enabled(), available=two_cpus
        ),
        "cython-gil": partial(_parallel, together=False, available=lambda: with_two_cpus(_cython())),
        "cython-nogil": partial(_parallel, together=True, available=lambda: with_two_cpus(_cython())),
        "numba-nogil": partial(_parallel, together=True, available=lambda: with_two_cpus(_numba())),
    },
)
