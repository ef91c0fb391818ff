"""Rounds made by hand: what every worker did in every millisecond is chosen, so every loss is known."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gilscope.core.cases import Case, Slot
from gilscope.core.records import Block, CaseRecord, ResultSet, Round, Stamp

MS = 1_000_000
SPIN = Case.parse("spin/cy_nogil@threads*2#M")


@dataclass(frozen=True, slots=True, kw_only=True)
class Did:
    """What one worker did, in ms: it starts late, computes (cpu, queued, rest), waits for others and is woken."""

    late: float = 0.0
    cpu: float = 0.0
    queued: float | None = 0.0
    rest: float = 0.0
    waiting: float = 0.0
    waking: float = 0.0

    @property
    def end(self) -> float:
        """When it was done, in ms."""
        return self.late + self.cpu + (self.queued or 0.0) + self.rest + self.waiting + self.waking

    @property
    def net(self) -> float:
        """When it would have been done alone, in ms: those it waited for were the ones that queued."""
        return self.late + self.cpu + self.rest + self.waking


def made_of(
    *workers: Did,
    after: float = 0.0,
    steal: float | None = 0.0,
    throttled: float | None = None,
    process: float | None = None,
    repeats: int = 1,
) -> Round:
    """Return a round of workers; ``after`` is the time in ms from the last end to the end of the window.

    ``process`` is the CPU time in ms of the whole process, the threads of libraries included.
    """
    stamps = tuple(
        Stamp(
            submit_ns=0,
            start_ns=round(did.late * MS),
            end_ns=round(did.end * MS),
            waiting_ns=round(did.waiting * MS),
            waking_ns=round(did.waking * MS),
            cpu_ns=round(did.cpu * MS),
            run_queue_ns=None if did.queued is None else round(did.queued * MS),
        )
        for did in workers
    )
    known = all(did.queued is not None for did in workers)
    return Round(
        repeats=repeats,
        start_ns=0,
        end_ns=round((max(did.end for did in workers) + after) * MS),
        stamps=stamps,
        net_ns=round((max(did.net for did in workers) + after) * MS) if known and not steal else None,
        steal_ns=None if steal is None else round(steal * MS),
        throttled_ns=None if throttled is None else round(throttled * MS),
        process_cpu_ns=None if process is None else round(process * MS),
    )


def alone(ms: float = 100.0, **more: float) -> Round:
    """Return a serial round that computes for so long."""
    return made_of(Did(cpu=ms, **more))


def native(wall: float, cpu: float, queued: float = 0.0, steal: float = 0.0) -> Round:
    """Return a round of a runtime with threads of its own: one stamp for all."""
    stamp = Stamp(
        submit_ns=0, start_ns=0, end_ns=round(wall * MS), cpu_ns=round(cpu * MS), run_queue_ns=round(queued * MS)
    )
    return Round(repeats=1, start_ns=0, end_ns=round(wall * MS), stamps=(stamp,), steal_ns=round(steal * MS))


def ideal(workers: int, inflation: float = 1.0) -> Round:
    """Return a round of workers that share 100 ms of work evenly, each taking ``inflation`` times the CPU time."""
    return made_of(*[Did(cpu=100.0 * inflation / workers)] * workers)


def study(
    case: str,
    parallel: Round,
    *,
    single: Round | None = None,
    spin: Round | None = None,
    isolated: Round | None = None,
    gil: Sequence[Mapping[str, Any]] = (),
    blocks: int = 10,
    cpus: Mapping[str, Any] | None = None,
    enabled: bool = True,
    also: Iterable[Block] = (),
    beside: Mapping[str, Round] | None = None,
    functions: Mapping[str, Any] | None = None,
) -> ResultSet:
    """Return a result with one parallel case in equal blocks, its T(1) and its controls.

    Parameters
    ----------
    single : Round, optional
        T(1); 100 ms of CPU time by default, like that of the controls.
    spin : Round, optional
        The spin control; ideal by default.
    gil : sequence of mappings
        What the probe saw in each diagnostic round.
    beside : mapping of case id to Round, optional
        Other cases in the same blocks.
    functions : mapping, optional
        What was seen of the user's own functions.
    """
    parsed = Case.parse(case)
    spun = dataclasses.replace(SPIN, workers=parsed.workers)
    rounds = {
        parsed.t1.id: single or alone(),
        parsed.id: parallel,
        Slot(case=spun.t1, role="spin").key: alone(),
        Slot(case=spun, role="spin").key: spin or ideal(parsed.workers),
    }
    if isolated is not None:
        rounds[Slot(case=parsed, role="isolated").key] = isolated
    rounds |= beside or {}
    made = [
        Block(kernel=parsed.kernel, index=index, started_ns=0, ended_ns=10**9, rounds=rounds) for index in range(blocks)
    ]
    records = [CaseRecord(case=one, repeats=1) for one in (parsed.t1, parsed)]
    return ResultSet(
        path="r",
        tool_version="1",
        study={},
        environment={
            "cpus": cpus or {"count": 8, "physical": 8, "detail": "the machine has 8 logical CPUs"},
            "interpreter": {"label": "3.11", "gil_enabled": enabled},
            **({"functions": functions} if functions is not None else {}),
        },
        cases={record.case.id: record for record in records},
        blocks=(*made, *also),
        diagnostics=tuple(
            {
                "case": parsed.id,
                "kernel": parsed.kernel,
                "block": index,
                "wall_ns": parallel.wall_ns,
                "repeats": parallel.repeats,
                "gil": seen,
            }
            for index, seen in enumerate(gil)
        ),
    )


def probe(
    held: float, waiting: float, *, overdue: float | None = 0.0, turn_s: float = 0.005, **more: Any
) -> dict[str, Any]:
    """Return what the probe writes of a round of one second, 2000 looks."""

    def estimate(value: float) -> dict[str, float]:
        return {"value": value, "low": max(0.0, value - 0.02), "high": value + 0.02, "confidence": 0.95, "n": 2000}

    return {
        "available": True,
        "reason": "",
        "enabled": True,
        "free_threaded_build": False,
        "switched_on": "",
        "samples": 2000,
        "window_s": 1.0,
        "held": estimate(held),
        "waiting": estimate(waiting),
        "handovers": held / turn_s,
        "handovers_per_s": held / turn_s,
        "holds": {"overdue": None if overdue is None else estimate(overdue), "switch_interval_s": 0.005},
        **more,
    }


def varied(made: ResultSet, case: str, of: Callable[[int], Round]) -> ResultSet:
    """Give a case another round in every block."""
    blocks = tuple(
        dataclasses.replace(block, rounds={**block.rounds, case: of(index)}) for index, block in enumerate(made.blocks)
    )
    return dataclasses.replace(made, blocks=blocks)
