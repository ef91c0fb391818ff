"""Chapter: scaling over all cores."""

from __future__ import annotations

import hashlib
import threading
from typing import Any

from gilscope.core.trace import Recorder, Trace
from gilscope.env.cpu import default_workers, usable_cpus
from gilscope.tour._light import TIMEOUT_S, metered
from gilscope.tour._model import Chapter, Experiment, Figure, Judgement
from gilscope.tour._work import load, two_cpus

ITERATIONS = 150_000
_AT_ONCE = 0.7  # of the workers, able to run at a time; the rest is starting, stopping, and hosts that steal


def scaling(log: Recorder) -> list[int]:
    """Let 1, 2, 4, ... threads do the same work each, all of them at once."""
    counts = list(default_workers(usable_cpus()))
    for workers in counts:
        together = threading.Barrier(workers)

        def work(me: str, together: threading.Barrier = together) -> None:
            together.wait(TIMEOUT_S)
            with metered(log, me, "computing"):
                hashlib.pbkdf2_hmac("sha256", b"word", b"salt", ITERATIONS)  # releases the GIL

        threads = [threading.Thread(target=work, args=(f"of {workers}/worker-{n}",)) for n in range(workers)]
        for thread in threads:
            thread.start()
        with log.span("main", f"{workers} at work", "wait"):
            for thread in threads:
                thread.join()
    return counts


def _judge(trace: Trace, result: Any) -> Judgement:
    walls, able, figures = {}, {}, []
    for workers in result:
        lanes = tuple(event for event in trace.spans(name="computing") if event.lane.startswith(f"of {workers}/"))
        part = Trace(title="", events=lanes, facts=trace.facts)
        _, able[workers] = load(part, "computing", workers)
        walls[workers] = part.end_ns - part.start_ns
        figures.append(Figure(f"work done by {workers}, against 1", workers * walls[1] / walls[workers]))
        figures.append(Figure(f"able to run at a time, of {workers}", able[workers]))
    most = max(result)
    gain = f"{most} threads did {most * walls[1] / walls[most]:.2f} times the work of one in the same time"
    observed = f"{gain}; {able[most]:.2f} of them were running or queueing for a CPU at a time."
    return Judgement(all(able[workers] >= _AT_ONCE * workers for workers in result), observed, tuple(figures))


CHAPTER = Chapter(
    name="cores",
    title="Scaling over all cores",
    text="Twice the cores, twice the work? Only if nothing is shared: not the GIL, not memory, not a lock, and if the "
    "machine gives the cores it shows. What is missing to the ideal has a cause, and 'gilscope run' names it.",
    experiments=(
        Experiment(
            title="1, 2, 4, ... threads that compute",
            text="Each thread does the same work, in C code that has released the GIL, so nobody waits for anybody.",
            program=scaling,
            claim="All of them are able to run at the same time, however many there are.",
            judge=_judge,
            available=two_cpus,
            tries=3,
        ),
    ),
    remember="Being able to run at the same time is the program's part; how many cores there really are is the "
    "machine's. Measure both: 'gilscope doctor' and 'gilscope run'.",
)
