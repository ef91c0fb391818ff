"""Results for other programs: CSV, JSON, pytest-benchmark's JSON, pyperf's JSON. Times are seconds per execution."""

from __future__ import annotations

import csv
import io
import json
import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from gilscope.records import ResultSet
from gilscope.report.facts import printable

__all__ = ["FORMATS", "export"]

_NAMES = ("case", "kernel", "implementation", "executor", "start_method", "transport", "workers", "size", "interpreter")
_ESTIMATES = ("wall_s", "rate", "speedup", "efficiency", "relative_efficiency")


def export(result: ResultSet, document: Mapping[str, Any], form: str) -> str:
    """Return a result in one of ``FORMATS``."""
    return _WRITERS[form](result, document)


def _csv(result: ResultSet, document: Mapping[str, Any]) -> str:
    """One line per case; empty where nothing is known."""
    ends = [f"{name}{end}" for name in _ESTIMATES for end in ("", "_low", "_high")]
    stream = io.StringIO()
    writer = csv.DictWriter(
        stream, [*_NAMES, "status", "reason", "blocks", *ends, "findings"], lineterminator="\n", restval=""
    )
    writer.writeheader()
    for row in printable(document["cases"]):
        values = {name: row[name] for name in (*_NAMES, "status", "reason", "blocks")}
        for name in _ESTIMATES:
            if row[name] is not None:
                values |= {name: row[name]["value"], f"{name}_low": row[name]["low"], f"{name}_high": row[name]["high"]}
        writer.writerow({**values, "findings": " ".join(row["findings"])})
    return stream.getvalue()


def _json(result: ResultSet, document: Mapping[str, Any]) -> str:
    return json.dumps(document, indent=2, allow_nan=False) + "\n"


def _seconds(result: ResultSet, case: str) -> list[float]:
    """Return the seconds per execution, one per block."""
    found = (block.rounds.get(case) for block in result.blocks)
    return [measured.wall_ns / measured.repeats / 1e9 for measured in found if measured is not None]


def _measured(result: ResultSet, document: Mapping[str, Any]) -> list[tuple[Mapping[str, Any], list[float]]]:
    pairs = [(row, _seconds(result, row["case"])) for row in document["cases"]]
    return [(row, data) for row, data in pairs if data]


def _pytest_benchmark(result: ResultSet, document: Mapping[str, Any]) -> str:
    """The file ``pytest-benchmark compare`` reads."""
    environment = document["environment"]
    made = {
        "machine_info": {
            "machine": environment.get("machine", {}).get("architecture", ""),
            "python_version": environment.get("interpreter", {}).get("version", ""),
            "cpu": {"brand_raw": environment.get("machine", {}).get("cpu_model", "")},
        },
        "commit_info": {},
        "benchmarks": [_benchmark(row, data) for row, data in _measured(result, document)],
        "datetime": environment.get("started_utc", ""),
        "version": "5.0.0",
    }
    return json.dumps(made, indent=2, allow_nan=False) + "\n"


def _benchmark(row: Mapping[str, Any], data: Sequence[float]) -> dict[str, Any]:
    extra = {name: row[name] for name in ("executor", "workers", "speedup", "efficiency", "relative_efficiency")}
    return {
        "group": row["kernel"],
        "name": row["case"],
        "fullname": row["case"],
        "params": None,
        "param": None,
        "extra_info": {**extra, "findings": row["findings"]},
        "options": {
            "disable_gc": False,
            "timer": "perf_counter",
            "min_rounds": 1,
            "max_time": 1.0,
            "min_time": 0.0,
            "warmup": False,
        },
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


def _pyperf(result: ResultSet, document: Mapping[str, Any]) -> str:
    """The file ``pyperf show`` and ``pyperf compare_to`` read: one run per case, a value per block."""
    benchmarks = [
        {
            "metadata": {"name": row["case"], "unit": "second", "loops": max(1, row["repeats"])},
            "runs": [{"values": data}],
        }
        for row, data in _measured(result, document)
    ]
    return json.dumps({"benchmarks": benchmarks, "version": "1.0"}, indent=2, allow_nan=False) + "\n"


_WRITERS = {"csv": _csv, "json": _json, "pytest-benchmark": _pytest_benchmark, "pyperf": _pyperf}
FORMATS = tuple(_WRITERS)
