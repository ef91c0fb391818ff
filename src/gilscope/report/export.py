"""Results for other programs: CSV, JSON, pytest-benchmark's JSON, pyperf's JSON. Times are seconds per execution."""

from __future__ import annotations

import csv
import io
import json
import math
import statistics
from collections.abc import Iterator, Sequence
from typing import Any

from gilscope.analysis import Answer
from gilscope.analysis.rows import CaseRow
from gilscope.analysis.to_json import part_to_json, to_json
from gilscope.core.records import ResultSet
from gilscope.core.units import NS_PER_S
from gilscope.report.columns import Column, columns_of
from gilscope.report.figures import printable
from gilscope.report.sentences import verdict
from gilscope.stats import Estimate

_ROUNDS = {"min_rounds": 1, "max_time": 1.0, "min_time": 0.0, "warmup": False}


def export(result: ResultSet, answer: Answer, form: str) -> str:
    """Return a result in one of ``FORMATS``."""
    return _WRITERS[form](result, answer)


def _csv(result: ResultSet, answer: Answer) -> str:
    columns = list(columns_of("csv"))
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(f"{column.key}{end}" for column in columns for end in _ends(column))
    for row in answer.rows:
        writer.writerow(value for column in columns for value in _fields(column, row))
    return stream.getvalue()


def _ends(column: Column) -> Sequence[str]:
    return ("", "_low", "_high") if column.estimated else ("",)


def _fields(column: Column, row: CaseRow) -> Sequence[object]:
    value = column.value(row)
    if value is None:
        return [""] * len(_ends(column))
    if isinstance(value, Estimate):
        return [end if math.isfinite(end) else "" for end in (value.value, value.low, value.high)]
    return [printable(value) if isinstance(value, str) else value]


def _json(result: ResultSet, answer: Answer) -> str:
    return json.dumps(to_json(answer, verdict), indent=2, allow_nan=False) + "\n"


def _measured(result: ResultSet, answer: Answer) -> Iterator[tuple[CaseRow, list[float]]]:
    """Yield the rows that were measured, and their seconds per execution, one per block."""
    for row in answer.rows:
        rounds = (block.rounds.get(row.case.id) for block in result.blocks)
        data = [found.wall_ns / found.repeats / NS_PER_S for found in rounds if found is not None]
        if data:
            yield row, data


def _pytest_benchmark(result: ResultSet, answer: Answer) -> str:
    """The file ``pytest-benchmark compare`` reads."""
    here = answer.surroundings
    made = {
        "machine_info": {
            "machine": here.machine.architecture,
            "python_version": here.interpreter.version,
            "cpu": {"brand_raw": here.machine.cpu_model},
        },
        "commit_info": {},
        "benchmarks": [_benchmark(row, data) for row, data in _measured(result, answer)],
        "datetime": here.started_utc,
        "version": "5.0.0",
    }
    return json.dumps(made, indent=2, allow_nan=False) + "\n"


def _benchmark(row: CaseRow, data: Sequence[float]) -> dict[str, Any]:
    return {
        "group": row.case.kernel,
        "name": row.case.id,
        "fullname": row.case.id,
        "params": None,
        "param": None,
        "extra_info": {
            "executor": row.case.executor,
            "workers": row.case.workers,
            **{name: part_to_json(getattr(row, name)) for name in ("speedup", "efficiency", "relative_efficiency")},
            "findings": list(row.codes),
        },
        "options": {"disable_gc": False, "timer": "perf_counter", **_ROUNDS},
        "stats": {**_statistics(data), "data": list(data), "iterations": 1},
    }


def _statistics(data: Sequence[float]) -> dict[str, Any]:
    ordered = sorted(data)
    mean, median = statistics.fmean(data), statistics.median(data)
    deviation = statistics.stdev(data) if len(data) > 1 else 0.0
    low, _, high = statistics.quantiles(data, n=4, method="inclusive") if len(data) > 1 else (median, median, median)
    outside = sum(abs(value - mean) > deviation for value in data)
    reach = 1.5 * (high - low)
    far = sum(not low - reach <= value <= high + reach for value in data)
    return {
        "min": ordered[0],
        "max": ordered[-1],
        "mean": mean,
        "stddev": deviation,
        "rounds": len(data),
        "median": median,
        "iqr": high - low,
        "q1": low,
        "q3": high,
        "iqr_outliers": far,
        "stddev_outliers": outside,
        "outliers": f"{outside};{far}",
        "ld15iqr": next(value for value in ordered if value >= low - reach),
        "hd15iqr": next((value for value in ordered if value > high + reach), ordered[-1]),
        "ops": 1.0 / mean,
        "total": math.fsum(data),
    }


def _pyperf(result: ResultSet, answer: Answer) -> str:
    """The file ``pyperf show`` and ``pyperf compare_to`` read: one run per case, a value per block."""
    benchmarks = []
    for row, data in _measured(result, answer):
        metadata = {"name": row.case.id, "unit": "second", "loops": max(1, row.repeats)}
        benchmarks.append({"metadata": metadata, "runs": [{"values": data}]})
    return json.dumps({"benchmarks": benchmarks, "version": "1.0"}, indent=2, allow_nan=False) + "\n"


_WRITERS = {"csv": _csv, "json": _json, "pytest-benchmark": _pytest_benchmark, "pyperf": _pyperf}
FORMATS = tuple(_WRITERS)
