"""The pytest plugin: fixtures ``scaling`` and ``gil``, their options and their terminal summary.

Loaded in every pytest run, so it imports what measures only when a fixture is used.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from gilscope.api import Way
    from gilscope.testing import GilGate, ScalingResult

__all__ = ["Scaling", "gil", "scaling"]

_DECISIONS = pytest.StashKey[list[dict[str, Any]]]()
_SENT = "gilscope_decisions"  # key under which a worker of xdist sends them to the process that reports
_OUTCOMES = {"passed": "passed", "failed": "failed", "open": "undecided"}
_ROWS_BUDGET_S = 10.0  # of a row of pytest-benchmark: six blocks, the fewest with an interval of 95 %


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("gilscope", "scaling gates")
    group.addoption("--scaling-strict", action="store_true", help="Make undecided gates fail, not skip.")
    parser.addini("scaling_strict", "Make undecided gates fail, not skip.", type="bool", default=False)
    group.addoption("--scaling-json", metavar="FILE", help="Write every decision with its numbers to FILE.")
    group.addoption("--scaling-history", metavar="DIR", help="Keep the decisions in DIR, for 'gilscope history DIR'.")
    group.addoption("--scaling-disable", action="store_true", help="Call the functions once and measure nothing.")
    group.addoption("--scaling-budget", metavar="SECONDS", type=float, help="Seconds a gate may take at most [40].")


@pytest.fixture
def scaling(request: pytest.FixtureRequest) -> Scaling:
    """Measure how a function scales: ``scaling(func, *args, workers=2).require(relative_efficiency=0.8)``."""
    return Scaling(request)


@pytest.fixture
def gil(request: pytest.FixtureRequest) -> _GilFixture:
    """Watch the GIL while a function runs: ``gil.assert_released(func, *args, at_least=0.9)``."""
    return _GilFixture(request)


class _GateFixture:
    """What both fixtures do with a decision."""

    def __init__(self, request: pytest.FixtureRequest) -> None:
        self.config, self._test = request.config, request.node.nodeid
        self.disabled = bool(self.config.getoption("--scaling-disable"))

    def record(self, decision: dict[str, Any]) -> None:
        """Keep a decision for the summary."""
        self.config.stash.setdefault(_DECISIONS, []).append({"test": self._test, **decision})

    @contextlib.contextmanager
    def deciding(self) -> Iterator[None]:
        """Skip the test where the gate is undecided, or fail it under ``--scaling-strict``."""
        from gilscope.testing import Undecided

        __tracebackhide__ = True
        try:
            yield
        except Undecided as error:
            self.give_up(str(error))

    def give_up(self, message: str) -> None:
        """Skip or fail."""
        if self.config.getoption("--scaling-strict") or self.config.getini("scaling_strict"):
            pytest.fail(f"undecided: {message}", pytrace=False)
        pytest.skip(f"undecided: {message}; --scaling-strict makes this a failure")

    def refuse_in_parallel(self) -> None:
        """Do not time beside other tests."""
        workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
        if workers > 1:
            message = f"not timed beside {workers - 1} other xdist workers: run the scaling tests with -n 0"
            self.record({"gate": "scaling", "outcome": "open", "message": message})
            self.give_up(message)


class Scaling(_GateFixture):
    """The fixture ``scaling``."""

    def __call__(
        self,
        func: Callable[..., Any],
        *args: Any,
        executor: str = "threads",
        workers: int = 2,
        budget_s: float | None = None,
        **kwargs: Any,
    ) -> _Result:
        """Return the result for a function; it is measured when it is first needed."""
        if self.disabled:
            func(*args, **kwargs)
        else:
            self.refuse_in_parallel()
        from gilscope.testing import DEFAULT_BUDGET_S, ScalingResult

        budget = budget_s or self.config.getoption("--scaling-budget") or DEFAULT_BUDGET_S
        result = ScalingResult(
            func=func, args=args, kwargs=kwargs, executor=executor, workers=workers, budget_s=budget, report=self.record
        )
        return _Result(self, result)

    def benchmark(
        self,
        benchmark: Any,
        func: Callable[..., Any],
        *args: Any,
        executor: str = "threads",
        workers: Sequence[int] = (1, 2),
        **kwargs: Any,
    ) -> None:
        """Put each worker count as a row into the table and the JSON of pytest-benchmark.

        ``extra_info`` of each row has ``executor``, ``workers``, ``speedup``, ``efficiency`` and
        ``relative_efficiency``; a row's time is that of one task.
        """
        if self.disabled or not benchmark.enabled:
            func(*args, **kwargs)
            return
        self.refuse_in_parallel()
        from gilscope.testing import ScalingResult

        name = benchmark.name
        budget = self.config.getoption("--scaling-budget") or _ROWS_BUDGET_S
        for count in workers:
            measured = ScalingResult(
                func=func, args=args, kwargs=kwargs, executor=executor, workers=count, budget_s=budget
            )
            way, result = measured.way, measured.result
            if way.status not in ("ok", "too_noisy"):
                pytest.fail(f"{way.case}: {way.reason}", pytrace=False)
            work = result.cases[way.case].work
            benchmark.name = f"{name}[{way.executor}*{count}]"
            benchmark.extra_info = _extra_info(way)
            stats = _new_row(benchmark)
            for block in result.blocks:
                if (found := block.rounds.get(way.case)) is not None and work is not None:
                    stats.update(found.wall_ns / found.repeats / work.units / 1e9)
        benchmark.name = name


def _new_row(benchmark: Any) -> Any:
    """Open a row in the table of pytest-benchmark, which has no public way to add times measured elsewhere."""
    try:
        row = benchmark._make_stats(1)  # private; 5.3 has it
    except (AttributeError, TypeError):
        version = importlib.metadata.version("pytest-benchmark")
        pytest.fail(f"scaling.benchmark cannot add rows to pytest-benchmark {version}: use 5.3", pytrace=False)
    benchmark._mode = "scaling.benchmark(...)"  # or it warns that the fixture was not used
    return row


def _extra_info(way: Way) -> dict[str, Any]:
    found = {name: getattr(way, name) for name in ("speedup", "efficiency", "relative_efficiency")}
    ends = {name: e and {"value": e.value, "low": e.low, "high": e.high} for name, e in found.items()}
    return {"executor": way.executor, "workers": way.workers, **ends, "findings": list(way.findings)}


class _Result:
    """A ``testing.ScalingResult`` whose undecided demands skip the test."""

    def __init__(self, gate: Scaling, inner: ScalingResult) -> None:
        self._gate, self._inner = gate, inner

    def require(self, **thresholds: Any) -> None:
        """See ``testing.ScalingResult.require``."""
        __tracebackhide__ = True
        if self._gate.disabled:
            return
        with self._gate.deciding():
            self._inner.require(**thresholds)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class _GilFixture(_GateFixture):
    """The fixture ``gil``."""

    def assert_released(self, func: Callable[..., Any], *args: Any, at_least: float = 0.9, **kwargs: Any) -> None:
        """See ``testing.GilGate.assert_released``."""
        __tracebackhide__ = True
        self._demand(func, lambda gate: gate.assert_released(func, *args, at_least=at_least, **kwargs), args, kwargs)

    def assert_held_below(self, func: Callable[..., Any], *args: Any, share: float = 0.5, **kwargs: Any) -> None:
        """See ``testing.GilGate.assert_held_below``."""
        __tracebackhide__ = True
        self._demand(func, lambda gate: gate.assert_held_below(func, *args, share=share, **kwargs), args, kwargs)

    def _demand(self, func: Callable[..., Any], demand: Callable[[GilGate], None], args: Any, kwargs: Any) -> None:
        __tracebackhide__ = True
        if self.disabled:
            func(*args, **kwargs)
            return
        from gilscope.testing import GilGate

        with self.deciding():
            demand(GilGate(report=self.record))


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Count the decisions and list all but the passed: a gate that always skips guards nothing."""
    decisions = config.stash.get(_DECISIONS, [])
    if not decisions:
        return
    counts = Counter(decision["outcome"] for decision in decisions)
    terminalreporter.section("scaling gates")
    terminalreporter.write_line(", ".join(f"{counts[outcome]} {label}" for outcome, label in _OUTCOMES.items()))
    for decision in decisions:
        if decision["outcome"] != "passed":
            terminalreporter.write_line(
                f"{_OUTCOMES[decision['outcome']]:<10}{decision['test']}: {decision['message']}"
            )


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take over the decisions of a worker of xdist that has ended."""
    node.config.stash.setdefault(_DECISIONS, []).extend(getattr(node, "workeroutput", {}).get(_SENT, []))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the decisions where ``--scaling-json`` and ``--scaling-history`` say; a worker of xdist sends them."""
    config = session.config
    decisions = config.stash.get(_DECISIONS, [])
    path, kept = config.getoption("--scaling-json"), config.getoption("--scaling-history")
    if hasattr(config, "workeroutput"):
        config.workeroutput[_SENT] = decisions
    elif path or (kept and decisions):
        document = _document(decisions)
        text = json.dumps(document, indent=2, allow_nan=False) + "\n"
        if path:
            Path(path).write_text(text, encoding="utf-8")
        if kept and decisions:
            Path(kept).mkdir(parents=True, exist_ok=True)
            stamp = document["environment"]["started_utc"].replace(":", "").replace("-", "")
            Path(kept, f"gates-{stamp}-{os.getpid()}.json").write_text(text, encoding="utf-8")


def _document(decisions: Sequence[dict[str, Any]]) -> dict[str, Any]:
    from gilscope import __version__, env

    return {
        "schema": "gilscope.gates",
        "schema_version": 1,
        "tool_version": __version__,
        "environment": env.capture(),
        "decisions": decisions,
    }
