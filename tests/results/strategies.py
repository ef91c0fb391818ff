"""Hypothesis strategies for everything a result file holds."""

from __future__ import annotations

from typing import get_args

from hypothesis import strategies as st

from gilscope.core.cases import Case, Slot, Study
from gilscope.core.records import Block, CaseRecord, Pace, Round, Stamp, Status
from gilscope.core.registry import (
    EXECUTORS,
    IMPLEMENTATIONS,
    KERNELS,
    PINS,
    SCALINGS,
    SCHEDULES,
    SIZES,
    START_METHODS,
    TRANSPORTS,
)
from gilscope.core.spec import GilUse, Work

small_ns = st.integers(0, 10**10)
clock_ns = st.integers(0, 2**62)
text = st.text(max_size=40)


@st.composite
def cases(draw) -> Case:
    executor = draw(st.sampled_from(EXECUTORS))
    processes = executor == "processes"
    return Case(
        kernel=draw(st.sampled_from([*KERNELS, "pkg.module:function", "path/file.py:function"])),
        implementation=draw(st.sampled_from(IMPLEMENTATIONS)),
        executor=executor,
        workers=1 if executor == "serial" else draw(st.integers(1, 1000)),
        size=draw(st.sampled_from(SIZES)),
        chunks_per_worker=draw(st.integers(1, 1000)),
        start_method=draw(st.sampled_from(START_METHODS)) if processes else "",
        transport=draw(st.sampled_from(TRANSPORTS)) if processes else "",
        scaling="" if executor == "serial" else draw(st.sampled_from(["", "weak"])),
        schedule="" if executor == "serial" else draw(st.sampled_from(["", "dynamic"])),
        libraries=draw(st.sampled_from(["", "all"])),
        memory=draw(st.sampled_from(["", "kept", "onearena"])),
        interpreter=draw(st.sampled_from(["", "3.13", "3.13t", "3.13t+gil"])),
    )


slots = st.builds(Slot, case=cases(), role=st.sampled_from(["case", "spin", "isolated", "A/A"]))
works = st.builds(Work, units=small_ns, unit=text, flops=small_ns, bytes=small_ns)

records = st.builds(
    CaseRecord,
    case=cases(),
    status=st.sampled_from(get_args(Status)),
    reason=text,
    cure=text,
    detail=text,
    repeats=st.integers(0, 10**6),
    first_ns=small_ns,
    work=st.none() | works,
    one_time_ns=st.dictionaries(st.sampled_from(["start", "import", "jit", "transfer"]), small_ns),
    jit_cache=st.sampled_from(["cold", "cached", "none"]),
    isa=text,
    family=text,
    python=text,
    gil_enabled=st.none() | st.booleans(),
    gil_reason=text,
    gil=st.sampled_from([None, *get_args(GilUse)]),
    placed=st.lists(st.dictionaries(st.sampled_from(["worker", "clock_offset_ns"]), st.integers(0, 9), max_size=2)).map(
        tuple
    ),
)

stamps = st.builds(
    Stamp,
    submit_ns=clock_ns,
    start_ns=clock_ns,
    end_ns=clock_ns,
    waiting_ns=small_ns,
    waking_ns=small_ns,
    cpu_ns=small_ns,
    run_queue_ns=st.none() | small_ns,
    received_ns=clock_ns,
    gathering_ns=small_ns,
    cpu=st.none() | st.integers(0, 1023),
)

paces = st.builds(
    Pace,
    case=st.just(Case.parse("nbody/cy_nogil@serial#M")),
    cpu=st.integers(0, 1023),
    at_ns=clock_ns,
    cpu_ns=st.integers(1, 10**9).map(float),
)


@st.composite
def rounds(draw, least=0, most=16) -> Round:
    start = draw(clock_ns)
    count = draw(st.integers(least, most))
    return Round(
        repeats=draw(st.integers(1, 10**6)),
        start_ns=start,
        end_ns=start + draw(st.integers(1, 10**12)),
        combine_ns=draw(small_ns),
        stamps=tuple(draw(st.lists(stamps, min_size=count, max_size=count))),
        steal_ns=draw(st.none() | small_ns),
        throttled_ns=draw(st.none() | small_ns),
        process_cpu_ns=draw(st.none() | small_ns),
    )


blocks = st.builds(
    Block,
    kernel=text,
    index=st.integers(0, 10**6),
    started_ns=clock_ns,
    ended_ns=clock_ns,
    rounds=st.dictionaries(slots.map(lambda slot: slot.key), rounds(), max_size=4),
    paces=st.lists(paces, max_size=3).map(tuple),
)

studies = st.builds(
    Study,
    kernels=st.lists(st.sampled_from(KERNELS)).map(tuple),
    implementations=st.lists(st.sampled_from(IMPLEMENTATIONS)).map(tuple),
    executors=st.lists(st.sampled_from(EXECUTORS)).map(tuple),
    workers=st.lists(st.integers(1, 512), min_size=1).map(tuple),
    size=st.sampled_from(["", *SIZES]),
    budget_s=st.floats(1e-3, 1e9),
    precision=st.floats(1e-3, 0.999),
    chunks_per_worker=st.integers(1, 64),
    start_methods=st.lists(st.sampled_from(START_METHODS), min_size=1).map(tuple),
    transports=st.lists(st.sampled_from(TRANSPORTS), min_size=1).map(tuple),
    seed=st.integers(0, 2**40),
    functions=st.lists(st.sampled_from(["pkg.module:function", "path/file.py:function"])).map(tuple),
    interpreters=st.lists(st.sampled_from(["3.11", "3.13t", "3.13t+gil"])).map(tuple),
    scalings=st.lists(st.sampled_from(SCALINGS), min_size=1).map(tuple),
    schedules=st.lists(st.sampled_from(SCHEDULES), min_size=1).map(tuple),
    pin=st.sampled_from(PINS),
)
