"""Records survive the way to JSON and back; anything else is refused."""

from __future__ import annotations

import copy
import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gilscope.core.cases import Case, Slot, Study
from gilscope.core.records import Block, CaseRecord, Round, Stamp
from gilscope.core.spec import Work
from gilscope.results import codec
from gilscope.results.schema import MAX_STAMPS
from tests.results import strategies


def through_json(values):
    return json.loads(json.dumps(values, allow_nan=False))


@given(strategies.records)
def test_a_case_record_survives_json(record):
    assert codec.decode_case_record(through_json(codec.encode_case_record(record))) == record


@given(strategies.blocks)
def test_a_block_survives_json(block):
    decoded = codec.decode_block(through_json(codec.encode_block(block)))
    assert decoded == block
    assert list(decoded.rounds) == list(block.rounds)


@given(strategies.studies)
def test_a_study_survives_json(study):
    assert codec.decode_study(through_json(codec.encode_study(study))) == study


@given(strategies.slots)
def test_a_slot_survives_its_key(slot):
    assert codec.parse_slot(slot.key) == slot


def test_blocks_and_diagnostics_of_version_0_1_0_get_the_ids_of_today():
    keys = ["m:f/f_nested@threads*2#8", "A/A:m:f/f_own_threads@native*1#8"]
    block = Block(kernel="m:f", index=0, started_ns=0, ended_ns=9, rounds=dict.fromkeys(keys, FULL_ROUND))
    decoded = codec.decode_block(through_json(codec.encode_block(block)))
    assert list(decoded.rounds) == ["m:f/f@threads.all*2#8", "A/A:m:f/f@native*1#8"]
    assert codec.decode_diagnostic({"case": keys[0], "gil": 1}) == {"case": "m:f/f@threads.all*2#8", "gil": 1}
    assert codec.decode_diagnostic({"case": ["?"]}) == {"case": ["?"]}


FULL_CASE = Case.parse("nbody/cy_nogil@processes.spawn.pickle.weak.dynamic*2#M~c8!3.13t")
FULL_STAMP = Stamp(
    submit_ns=11,
    start_ns=12,
    end_ns=13,
    waiting_ns=14,
    waking_ns=15,
    cpu_ns=16,
    run_queue_ns=17,
    received_ns=18,
    gathering_ns=19,
    cpu=3,
)
FULL_ROUND = Round(
    repeats=2,
    start_ns=5,
    end_ns=9,
    combine_ns=1,
    stamps=(FULL_STAMP,),
    steal_ns=3,
    throttled_ns=4,
    process_cpu_ns=5,
    net_ns=3,
    stolen_ns=1,
    minor_faults=6,
    system_ns=2,
    switches=3,
)
FULL_WORK = Work(units=1, unit="x", flops=2, bytes=3)
FULL_RECORD = CaseRecord(
    case=FULL_CASE,
    status="failed",
    reason="r",
    cure="c",
    detail="d",
    repeats=3,
    first_ns=4,
    work=FULL_WORK,
    one_time_ns={"jit": 5},
    jit_cache="cold",
    isa="i",
    family="f",
    python="3.13.0",
    gil_enabled=False,
    gil_reason="g",
    gil="released",
    placed=({"worker": "tcp://a:1", "clock_offset_ns": -3},),
    pss_bytes=123,
    pages="huge",
)
FULL_BLOCK = Block(kernel="nbody", index=1, started_ns=7, ended_ns=8, rounds={FULL_CASE.id: FULL_ROUND})
FULL_STUDY = Study(
    kernels=("nbody",),
    implementations=("cy_nogil",),
    executors=("processes",),
    workers=(2,),
    size="S",
    budget_s=1.5,
    precision=0.25,
    chunks_per_worker=8,
    start_methods=("spawn",),
    transports=("pickle",),
    seed=2,
    functions=("pkg.module:function",),
    interpreters=("3.11", "3.13t+gil"),
    scalings=("strong", "weak"),
    schedules=("dynamic",),
    pin="cores",
    dask_scheduler="tcp://h:1",
    memory_limit_bytes=1 << 30,
)


DERIVED = ("slowed_ns", "awaited_ns", "earlier_ns")  # made by the analysis, and not in the file


@pytest.mark.parametrize(
    "full", [FULL_STAMP, FULL_ROUND, FULL_WORK, FULL_RECORD, FULL_STUDY], ids=lambda full: type(full).__name__
)
def test_the_examples_below_fill_every_field(full):
    """A field added to a record but not to the file fails here first: fill it, and the round trip below tells."""
    missing = [f.name for f in dataclasses.fields(full) if getattr(full, f.name) == f.default]
    assert [name for name in missing if name not in DERIVED] == []


def test_every_field_survives_json():
    assert codec.decode_block(through_json(codec.encode_block(FULL_BLOCK))) == FULL_BLOCK
    assert codec.decode_case_record(through_json(codec.encode_case_record(FULL_RECORD))) == FULL_RECORD
    assert codec.decode_study(through_json(codec.encode_study(FULL_STUDY))) == FULL_STUDY


def one_block(workers: int, *, run_queue_ns=7) -> Block:
    origin = 10**15
    stamps = tuple(
        Stamp(
            submit_ns=origin + 10,
            start_ns=origin + 100 + i,
            end_ns=origin + 1000 - i,
            cpu_ns=800 + i,
            run_queue_ns=run_queue_ns,
            received_ns=origin + 2000,
        )
        for i in range(workers)
    )
    measured = Round(repeats=3, start_ns=origin + 100, end_ns=origin + 1100, stamps=stamps)
    case = Case(kernel="nbody", implementation="cy_nogil", executor="threads", workers=max(workers, 1), size="M")
    return Block(kernel="nbody", index=0, started_ns=origin, ended_ns=origin + 5000, rounds={case.id: measured})


def test_time_stamps_count_from_the_start_of_the_block():
    (encoded,) = codec.encode_block(one_block(2))["rounds"].values()
    assert (encoded["start"], encoded["end"]) == (100, 1100)
    assert encoded["stamps"] == [
        [10, 100, 1000, 2000, 0, 0, 800, 7, 0, None],
        [10, 101, 999, 2000, 0, 0, 801, 7, 0, None],
    ]


def test_sixteen_workers_are_kept_one_by_one_and_more_as_quantiles():
    (sixteen,) = codec.encode_block(one_block(16))["rounds"].values()
    assert "workers" not in sixteen
    (many,) = codec.encode_block(one_block(100))["rounds"].values()
    assert many["workers"] == 100
    assert len(many["stamps"]) == MAX_STAMPS
    cpu = [row[6] for row in many["stamps"]]
    assert (cpu[0], cpu[-1]) == (800, 899)
    assert cpu == sorted(cpu)
    assert sum(cpu) / MAX_STAMPS == pytest.approx(849.5, abs=1)


def test_quantiles_of_a_clock_one_worker_did_not_have_are_unknown():
    block = one_block(40)
    ((key, measured),) = block.rounds.items()
    odd = (*measured.stamps[:-1], Stamp(submit_ns=0, start_ns=1, end_ns=2))
    (encoded,) = codec.encode_block(
        Block(
            kernel="nbody",
            index=0,
            started_ns=0,
            ended_ns=1,
            rounds={key: Round(repeats=1, start_ns=0, end_ns=1, stamps=odd)},
        )
    )["rounds"].values()
    assert all(row[7] is None for row in encoded["stamps"])


@given(strategies.rounds(17, 40))
def test_quantiles_come_from_the_workers_and_keep_the_extremes(measured):
    block = Block(
        kernel="k",
        index=0,
        started_ns=5,
        ended_ns=6,
        rounds={Slot(case=Case.parse("nbody/cy_nogil@threads*40#M")).key: measured},
    )
    (decoded,) = codec.decode_block(through_json(codec.encode_block(block))).rounds.values()
    for name in ("submit_ns", "start_ns", "end_ns", "cpu_ns", "received_ns"):
        before = [getattr(stamp, name) for stamp in measured.stamps]
        after = [getattr(stamp, name) for stamp in decoded.stamps]
        assert (after[0], after[-1]) == (min(before), max(before))
        assert set(after) <= set(before)


@given(strategies.records, strategies.blocks, st.integers())
def test_fields_of_later_versions_are_ignored(record, block, value):
    assert codec.decode_case_record({**codec.encode_case_record(record), "later": value}) == record
    assert codec.decode_block({**codec.encode_block(block), "later": value}) == block


# Anything JSON can hold, in the place of anything that is there.
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def places(values, path=()):
    """Yield the path of everything inside nested lists and dicts."""
    items = values.items() if isinstance(values, dict) else enumerate(values) if isinstance(values, list) else ()
    for key, value in items:
        yield (*path, key)
        yield from places(value, (*path, key))


def planted(values, path, value):
    values = copy.deepcopy(values)
    inner = values
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return values


@given(st.data(), json_values)
def test_a_wrong_value_anywhere_is_refused_with_a_value_error_or_decodes_to_a_record(data, value):
    kind = data.draw(st.sampled_from(["case", "block", "study"]))
    if kind == "case":
        encoded, decode = codec.encode_case_record(data.draw(strategies.records)), codec.decode_case_record
    elif kind == "block":
        encoded, decode = codec.encode_block(data.draw(strategies.blocks)), codec.decode_block
    else:
        encoded, decode = codec.encode_study(data.draw(strategies.studies)), codec.decode_study
    path = data.draw(st.sampled_from(list(places(through_json(encoded)))))
    damaged = planted(through_json(encoded), path, value)
    try:
        decode(damaged)
    except (ValueError, KeyError):
        return


ROUND = {"repeats": 1, "start": 0, "end": 5, "stamps": []}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"repeats": 0}, "out of range"),
        ({"repeats": True}, "must be int"),
        ({"repeats": 1.0}, "must be int"),
        ({"end": 0}, "end after its start"),
        ({"end": -1}, "end after its start"),
        ({"end": 10**30}, "out of range"),
        ({"steal": "0"}, "must be int"),
        ({"stamps": {}}, "must be list"),
        ({"stamps": [[1, 2, 3]]}, "8 numbers"),
        ({"stamps": [[1, 2, 3, 4, 5, 6, None, 8]]}, "must be int"),
    ],
)
def test_a_round_that_cannot_be_is_refused(change, message):
    rounds = {"nbody/cy_nogil@threads*2#M": {**ROUND, **change}}
    with pytest.raises(ValueError, match=message):
        codec.decode_block({"kernel": "nbody", "index": 0, "started_ns": 0, "ended_ns": 9, "rounds": rounds})


@pytest.mark.parametrize("key", ["", "nbody", "spin:", "nbody/cy_nogil@threads*2#M~c4"])
def test_a_slot_that_is_not_written_as_slots_are_is_refused(key):
    with pytest.raises(ValueError, match=r"case|slot"):
        codec.decode_block({"kernel": "nbody", "index": 0, "started_ns": 0, "ended_ns": 9, "rounds": {key: ROUND}})


@pytest.mark.parametrize("workers", ["1000001", "9" * 400, "9" * 5000])
def test_an_absurd_number_of_workers_is_refused(workers):
    with pytest.raises(ValueError, match=r"out of range|is no case"):
        codec.decode_case_record({"id": f"nbody/cy_nogil@threads*{workers}#M", "status": "ok"})


def test_a_stamp_of_an_older_file_has_no_cpu_and_no_gathering():
    encoded = codec.encode_block(
        Block(kernel="nbody", index=0, started_ns=0, ended_ns=9, rounds={FULL_CASE.id: FULL_ROUND})
    )
    (row,) = encoded["rounds"][FULL_CASE.id]["stamps"]
    assert row.pop() == 3
    (stamp,) = codec.decode_block(encoded).rounds[FULL_CASE.id].stamps
    assert (stamp.gathering_ns, stamp.cpu) == (19, None)
    assert row.pop() == 19
    (stamp,) = codec.decode_block(encoded).rounds[FULL_CASE.id].stamps
    assert (stamp.run_queue_ns, stamp.gathering_ns, stamp.cpu) == (17, 0, None)


def test_cpus_of_more_workers_than_are_kept_are_unknown():
    block = one_block(40)
    ((key, measured),) = block.rounds.items()
    stamps = tuple(dataclasses.replace(stamp, cpu=3) for stamp in measured.stamps)
    placed = dataclasses.replace(block, rounds={key: dataclasses.replace(measured, stamps=stamps)})
    (decoded,) = codec.decode_block(through_json(codec.encode_block(placed))).rounds.values()
    assert {stamp.cpu for stamp in decoded.stamps} == {None}


@pytest.mark.parametrize("row", [[0, 1], [0, 1, 0.0], [0, 1, "x"], [-1, 1, 2.0], [0, 1, True]])
def test_a_pace_that_cannot_be_is_refused(row):
    encoded = {**codec.encode_block(FULL_BLOCK), "paces": {FULL_CASE.id: [row]}}
    with pytest.raises(ValueError, match=r"pace|unpack"):
        codec.decode_block(encoded)


def test_a_watched_round_survives_with_its_holds():
    encoded = json.loads(json.dumps(codec.encode_watched(FULL_ROUND, [("worker-0", 6, 8)])))
    assert codec.decode_watched(encoded) == (FULL_ROUND, [("worker-0", 6, 8)])
