"""Tables of studies: every figure with its interval, every gap with its reason, the advice in whole tasks."""

from __future__ import annotations

import json
import math

import pytest
from pages import studies as studies_page

from gilscope.report.figures import points, sized, spread
from gilscope.report.studies import ends, once_per_reason, share, span
from gilscope.report.study_ipc import render_ipc
from gilscope.report.study_metg import advice, render_metg
from gilscope.report.study_startup import render_startup
from gilscope.stats import Estimate
from gilscope.studies.kinds import json_schema
from tests.report import studies
from tests.validators import keeps_to


@pytest.mark.parametrize(
    ("value", "low", "high", "text"),
    [
        (61.2e-6, 58e-6, 65.1e-6, "61.2 us [58.0, 65.1]"),
        (0.9999e-3, 0.9e-3, 1.2e-3, "1.00 ms [0.90, 1.20]"),
        (2.0, 1.0, math.inf, "2.00 s [1.00, ?]"),
    ],
)
def test_a_figure_and_both_ends_have_one_prefix(value, low, high, text):
    assert span(Estimate(value=value, low=low, high=high, confidence=0.95, n=9)) == text


def test_what_is_unknown_has_no_figure_and_one_block_no_interval():
    assert span(None) == share(None) == "-"
    alone = Estimate(value=1.0, low=1.0, high=1.0, confidence=0.0, n=1)
    assert (span(alone), share(alone), spread(alone)) == ("1.00 s [-]", "100 %", "±?")
    several = Estimate(value=0.934, low=0.9, high=0.95, confidence=0.95, n=9)
    assert (share(several), spread(several), points(0.934, 0.9, 0.95)) == ("93 % [90, 95]", "±4%", "93 ±4%")


def test_in_place_of_an_end_that_is_not_known_stands_the_value():
    assert ends(Estimate(value=2.0, low=-math.inf, high=3.0, confidence=0.95, n=9)) == (2.0, 2.0, 3.0)


@pytest.mark.parametrize(
    ("nbytes", "text"), [(1, "1 B"), (1024, "1 KiB"), (1 << 30, "1 GiB"), (1.5 * 2**20, "1.5 MiB")]
)
def test_sizes_are_binary(nbytes, text):
    assert sized(nbytes) == text


def test_a_reason_is_said_once_for_all_it_concerns():
    rows = studies.metg().rows
    assert once_per_reason(rows, ["unavailable"]) == ["dask: not here; install it"]
    assert once_per_reason(rows, ["failed"]) == ["loky: it broke"]


@pytest.mark.parametrize("width", [80, 112, 120])
def test_metg_fits_and_tells_everything(width):
    text = render_metg(studies.metg(), width=width, path="out/metg.json")
    assert max(map(len, text.splitlines())) <= width
    lines = {line.split()[0]: line for line in reversed(text.splitlines()) if line}
    assert "40.0 us [36.0, 44.0]" in lines["threads"]
    assert "below 16.0 ns" in text
    assert "not reached" in lines["ThreadPoolExecutor"]
    assert "submit" in lines["ThreadPoolExecutor"]
    assert "static" in lines["processes/forkserver"]
    assert "dask" not in lines
    for said in ("dask: not here; install it", "loky: it broke", "too slow", "result: out/metg.json"):
        assert said in text
    assert ("empty task" in text) == (width >= 112)
    assert "machine" not in text  # it gave all it has


@pytest.mark.parametrize(
    ("blocks", "path", "said"),
    [
        (3, "my out/metg.jsonl", "Stopped after 3 blocks; go on with: gilscope metg --resume --out 'my out'"),
        (1, "out/metg.jsonl", "Stopped after 1 block; go on with: gilscope metg --resume --out out"),
        (0, "metg.jsonl", "Stopped before the first block; go on with: gilscope metg --resume --out ."),
        (3, "out/metg.json", "Stopped after 3 blocks: what was measured until then."),
    ],
)
def test_a_study_that_was_stopped_says_how_far_it_got_and_how_to_go_on(blocks, path, said):
    assert said in render_metg(studies.metg(blocks=blocks, interrupted=True), width=120, path=path)
    assert "Stopped" not in render_metg(studies.metg(), width=120, path=path)


def test_what_rows_go_by_and_why_one_stays_open_is_said():
    point = {"steps": 16, **dict.fromkeys(("task_s", "granularity_s", "efficiency"), studies.estimate(0.5))}
    rows = [
        studies.metg_row("loky", "bag", 1e-3, basis="net of other programs"),
        studies.metg_row("ThreadPoolExecutor", "bag", 1e-4, basis="as timed", reason="blocks differ", curve=[point]),
    ]
    text = render_metg(studies.metg(rows=rows), width=200)
    assert "without what other programs took of workers, but for ThreadPoolExecutor (bag of 16): as timed" in text
    assert "undecided    ThreadPoolExecutor (bag of 16): blocks differ." in text
    assert "not known here: as timed" in render_metg(studies.metg(rows=rows[1:]), width=200)
    assert "other programs" not in render_metg(studies.metg(), width=200)  # of earlier versions


def test_a_machine_that_gives_little_is_said():
    assert "it gave the workers 60 % [54, 66]" in render_metg(studies.metg(spin=0.6), width=200)


def test_the_advice_counts_tasks_per_batch():
    text = advice(studies.metg(task_s=40e-6))
    # 270 us of work per hand-over, up to 297, in tasks of 40 us
    assert "at least 7 per batch (up to 8) under processes/forkserver" in text
    assert "it is large enough alone under threads, cy_prange, ThreadPoolExecutor." in text
    assert "loky" not in text


def test_without_a_task_the_advice_is_a_length():
    text = advice(studies.metg())
    assert "a task must take 20.0 us under threads, 270 us under processes/forkserver" in text
    assert "--task 40us" in text
    assert advice(studies.metg(rows=[])) == ""


@pytest.mark.parametrize("width", [80, 146])
def test_startup_fits_and_tells_everything(width):
    text = render_startup(studies.startup(), width=width, path="out/startup.json")
    assert max(map(len, text.splitlines())) <= width
    lines = {line.split()[0]: line for line in reversed(text.splitlines()) if line}
    assert "20.0 ms [18.0, 22.0]" in lines["threads"]
    assert "20 KiB" in lines["threads"]
    assert lines["processes/spawn"].rstrip().endswith("n/a")
    for said in ("n/a: only Linux tells", "loky: it broke", "dask: not here; install it"):
        assert said in " ".join(text.split())
    assert ("create" in lines["workers"]) == (width >= 146)
    assert "precision" not in text
    assert "3 blocks: intervals have less than 95 % confidence" in render_startup(studies.startup(blocks=3), width=200)


@pytest.mark.parametrize("width", [100, 140])
def test_ipc_fits_and_tells_everything(width):
    text = render_ipc(studies.ipc(), width=width, path="out/ipc.json")
    assert max(map(len, text.splitlines())) <= width
    lines = {line.split()[0]: line for line in reversed(text.splitlines()) if line}
    assert "10.0 us [9.00, 11.0]" in lines["pipe"]
    assert "102 M ±10%" in lines["pipe"]
    assert lines["pipe"].rstrip().endswith("left out")
    assert "10.0 us" in lines["queue.SimpleQueue"]  # a time, because nothing is copied
    assert "80.0 ms ±10%" in lines["spawn"]
    joined = " ".join(text.split())
    assert "1 GiB of pipe, mp.Queue: 6 rounds of it do not fit into the budget; give more" in joined
    assert "interpreters' queue: not on this Python" in joined
    assert "started by forkserver before." in joined
    assert "precision" not in text
    assert "1 block: intervals have less" in render_ipc(studies.ipc(blocks=1), width=width)


def test_the_kept_documents_are_what_the_schema_says():
    for study in studies_page.STUDIES:
        document = json.loads(studies_page.document_of(study).read_text(encoding="utf-8"))
        keeps_to(document, json_schema)
        assert document["study"] == study
