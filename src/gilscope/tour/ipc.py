"""Chapter: how processes tell each other something."""

from __future__ import annotations

import os
import statistics
from functools import partial
from typing import Any

from gilscope.core.trace import Trace, duration
from gilscope.tour._model import Experiment, Judgement, chapter, seconds, when

TRIPS = 100  # after the first two, which are recorded step by step


def _judge(trace: Trace, result: Any) -> Judgement:
    exchanged = sorted((m for m in trace.messages if m.name != "start"), key=lambda m: m.sent_ns)
    in_turns = [message.source for message in exchanged] == ["main", "child"] * 2
    median, slow = statistics.median(result), sorted(result)[int(0.95 * len(result))]
    spread = f"half of them took no more than {duration(median)}, one in twenty more than {duration(slow)}"
    figures = (seconds("median round trip", median), seconds("95 % within", slow))
    return Judgement(in_turns and len(result) == TRIPS, f"{len(result)} round trips: {spread}.", figures)


_SOCKETS = partial(when, os.name == "posix", "sockets cannot be handed to processes here", "use Linux or macOS")
_SIGNALS = partial(when, os.name == "posix", "this system has no signals to wait for", "use Linux or macOS")

CHAPTER = chapter(
    "ipc",
    {
        "pipe": partial(Experiment, judge=_judge),
        "socket": partial(Experiment, judge=_judge, available=_SOCKETS),
        "shared-memory": partial(Experiment, judge=_judge),
        "queue": partial(Experiment, judge=_judge),
        "signal": partial(Experiment, judge=_judge, available=_SIGNALS),
    },
)
