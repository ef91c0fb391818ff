"""Analysis documents of thousands of cases, with losses, GIL and findings in every parallel one."""

from __future__ import annotations

import itertools
import random
from typing import Any

from tests.report.documents import control, document, estimate, row

IMPLEMENTATIONS = ("py_loop", "np_vec", "std_c", "cy_gil", "cy_nogil", "cy_prange", "nb_gil", "nb_nogil")
WAYS = ("threads", "processes", "processes.spawn", "processes.fork", "processes.pickle", "native")
WORKERS = (2, 4, 8, 16, 32, 64, 128, 256)
LOSSES = ("gil_wait", "run_queue", "stolen", "dispatch", "imbalance", "blocked", "omp_idle", "inflation", "residual")


def large(cases: int, *, cpus: int = 64) -> dict[str, Any]:
    """Return a document of so many cases, of as many kernels as that takes."""
    scatter = random.Random(1)
    made = list(itertools.islice(_rows(scatter), cases))
    kernels = list(dict.fromkeys(entry["kernel"] for entry in made))
    controls = [control("spin", workers, 0.97 * workers, of=kernel) for kernel in kernels for workers in WORKERS]
    found = [entry["case"] for entry in made if entry["findings"]]
    evidence = {"share": 0.5, "lost": estimate(0.5), "held": estimate(0.99), "waiting": estimate(1.0)}
    return document(
        made,
        controls,
        findings=[
            {
                "code": "gil_bound",
                "severity": "high",
                "cases": found,
                "evidence": dict.fromkeys(found, evidence),
                "cure": "use processes",
            }
        ],
        environment={"cpus": {"count": cpus, "detail": f"the machine has {cpus}"}, "interpreter": {"label": "3.13"}},
    )


def _rows(scatter: random.Random) -> Any:
    for number in itertools.count():
        kernel = f"kernel{number}"
        for name in IMPLEMENTATIONS:
            yield row(f"{kernel}/{name}@serial#M", rate=1e8 * scatter.random() + 1e6)
            for way, workers in itertools.product(WAYS, WORKERS):
                yield _parallel(f"{kernel}/{name}@{way}*{workers}#M", workers, scatter)


def _parallel(case: str, workers: int, scatter: random.Random) -> dict[str, Any]:
    gain = 1 + (workers - 1) * scatter.random()
    held = case.partition("@")[2].startswith("threads") and scatter.random() < 0.5
    gil = {"available": True, "reason": "", "cure": "", "enabled": True, "handovers_per_s": 200.0, "slow_down": None}
    return row(
        case,
        rate=gain * 1e8,
        speedup=gain,
        half_width=0.05 * scatter.random(),
        losses={name: estimate(0.1 * scatter.random(), 0.2) for name in LOSSES},
        gil={**gil, "held": estimate(scatter.random()), "waiting": estimate(workers * scatter.random())},
        findings=["gil_bound"] if held else [],
    )
