"""Ten functions that users might bring, and what is found about each. No times: findings, or honest doubt."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from gilscope import results
from gilscope.analysis import Answer, analyse
from gilscope.kernels.user import Request
from gilscope.measure.engine import measure
from gilscope.profile.functions import Functions, Options
from gilscope.profile.targets import own_functions

pytestmark = [pytest.mark.measuring, pytest.mark.slow]

HOLDS = {"gil_bound", "gil_held_in_c"}
HERE = Path(__file__).parent

# Beside what is expected, a loaded machine may leave a case without a cause; it never names a wrong one.
EXPECTED = {
    "hashes": {"scales"},
    "compresses": {"scales"},
    "numpy_matmul": {"scales"},
    "numpy_sum": {"scales", "memory_bound"},
    "sleeps": {"scales"},
    "writes_json": HOLDS,
    "matches": HOLDS,
    "sorts": HOLDS,
    "generates": HOLDS,
    "numpy_small": HOLDS,
    "numba_held": HOLDS,
}
_DOUBT = {"too_noisy", "stolen", "quota_limited", "smt_limited"}


@pytest.fixture(scope="module")
def answer(tmp_path_factory: pytest.TempPathFactory) -> Answer:
    """All of them, measured side by side in the same blocks."""
    names = [name for name in EXPECTED if not name.startswith("numba") or importlib.util.find_spec("numba")]
    request = Request(functions=own_functions([f"users.py:{name}" for name in names], HERE), folder=str(HERE))
    options = Options(executors=("threads",), workers=(2,), budget_s=12.0, round_s=0.06)
    path = tmp_path_factory.mktemp("users") / "result.jsonl"
    assert measure(Functions(request, options), path)
    return analyse(results.load(path))


@pytest.mark.parametrize("name", EXPECTED)
def test_what_threads_give_a_function_is_explained(name: str, answer: Answer) -> None:
    if name.startswith("numba"):
        pytest.importorskip("numba", reason="Numba is an extra: pip install 'gilscope[numba]'")
    row = next(r for r in answer.rows if (r.case.implementation, r.case.executor) == (name, "threads"))
    assert row.status in ("ok", "too_noisy"), row.reason
    found, held = set(row.codes), row.gil.held
    if EXPECTED[name] == HOLDS:
        assert "scales" not in found
        assert held is None or held.value > 0.5
    else:
        assert not found & HOLDS
        assert held is None or held.value < 0.5
    if not found & _DOUBT and found:
        assert found & EXPECTED[name]
