"""Answers of thousands of cases, with losses, GIL and findings in every parallel one."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator

from gilscope.analysis.answer import Answer
from gilscope.analysis.gil import GilActivity
from gilscope.analysis.rows import CaseRow
from tests.report.answers import answer, control, estimate, row

IMPLEMENTATIONS = ("py_loop", "np_vec", "std_c", "cy_gil", "cy_nogil", "cy_prange", "nb_gil", "nb_nogil")
WAYS = ("threads", "processes", "processes.spawn", "processes.fork", "processes.pickle", "native")
WORKERS = (2, 4, 8, 16, 32, 64, 128, 256)
LOSSES = ("gil_wait", "run_queue", "stolen", "dispatch", "imbalance", "blocked", "omp_idle", "inflation", "residual")


def large(cases: int, *, cpus: int = 64) -> Answer:
    """Return an answer of so many cases, of as many kernels as that takes."""
    made = list(itertools.islice(_rows(random.Random(1)), cases))
    kernels = list(dict.fromkeys(entry.case.kernel for entry in made))
    controls = [control("spin", workers, 0.97 * workers, of=kernel) for kernel in kernels for workers in WORKERS]
    here = {"cpus": {"count": cpus, "detail": f"the machine has {cpus}"}, "interpreter": {"label": "3.13"}}
    return answer(made, controls, environment=here)


def _rows(scatter: random.Random) -> Iterator[CaseRow]:
    for number in itertools.count():
        kernel = f"kernel{number}"
        for name in IMPLEMENTATIONS:
            yield row(f"{kernel}/{name}@serial#M", rate=1e8 * scatter.random() + 1e6)
            for way, workers in itertools.product(WAYS, WORKERS):
                yield _parallel(f"{kernel}/{name}@{way}*{workers}#M", workers, scatter)


def _parallel(case: str, workers: int, scatter: random.Random) -> CaseRow:
    gain = 1 + (workers - 1) * scatter.random()
    held = case.partition("@")[2].startswith("threads") and scatter.random() < 0.5
    return row(
        case,
        rate=gain * 1e8,
        speedup=gain,
        half_width=0.05 * scatter.random(),
        losses={name: estimate(0.1 * scatter.random(), 0.2) for name in LOSSES},
        gil=GilActivity(
            available=True,
            enabled=True,
            handovers_per_s=200.0,
            held=estimate(scatter.random()),
            waiting=estimate(workers * scatter.random()),
        ),
        findings=["gil_bound"] if held else [],
    )
