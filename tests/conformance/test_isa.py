"""Which instruction set runs: recorded with every case, and the same answer to the bit whichever it is."""

from __future__ import annotations

import importlib
import importlib.util

import pytest

from gilscope import kernels
from gilscope.core import targets
from gilscope.core.cases import Case, Slot
from gilscope.core.spec import Impl
from gilscope.measure.host import SupervisedHost
from tests.kernels.harness import GRID, Workbench, need

COMPILED = [(name, impl) for name, impl in GRID if impl.name.startswith("cy_")]


def baseline_of(name: str, impl: Impl) -> str:
    """Return the module compiled for any machine, whose twin runs here; skip where there is no choice."""
    module = kernels.target(name, impl).partition(":")[0]
    if importlib.util.find_spec(f"{module}_v3") is None:
        pytest.skip("one instruction set: not a portable build (GILSCOPE_ISA=portable) for x86-64")
    if not importlib.import_module(module).CPU_HAS_V3:
        pytest.skip("this CPU has no AVX2: only the baseline runs")
    return module


@pytest.mark.parametrize(("name", "impl"), COMPILED, ids=[f"{name}-{impl.name}" for name, impl in COMPILED])
def test_both_instruction_sets_give_the_same_answer_to_the_bit(
    name: str, impl: Impl, monkeypatch: pytest.MonkeyPatch
) -> None:
    need(name, impl)
    module = baseline_of(name, impl)
    bench = Workbench(kernels.load(name), "S")
    fast, fast_isa = bench.digest(bench.run(impl)), targets.isa_of(kernels.target(name, impl))
    monkeypatch.setattr(importlib.import_module(module), "CPU_HAS_V3", False)
    plain, plain_isa = bench.digest(bench.run(impl)), targets.isa_of(kernels.target(name, impl))
    assert (fast_isa, plain_isa) == ("x86-64-v3", "x86-64")
    assert fast == plain


def test_the_instruction_set_is_recorded_with_the_case(host: SupervisedHost) -> None:
    impl = kernels.load("mandelbrot").impl("cy_nogil")
    assert impl is not None
    need("mandelbrot", impl)
    case = Case(kernel="mandelbrot", implementation="cy_nogil", executor="serial", workers=1, size="XS")
    record = host.prepare(Slot(case=case))
    assert record.isa == targets.isa_of(kernels.target("mandelbrot", impl)) != ""
