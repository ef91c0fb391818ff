"""What Numba implementations have in common: variants that no cache confuses, and refused threads."""

from __future__ import annotations

import pytest

from gilscope import kernels
from gilscope.core.spec import Impl
from tests.kernels.harness import GRID, need

VARIANTS = [(kernel, impl) for kernel, impl in GRID if "numba" in impl.needs]


@pytest.mark.parametrize(("kernel", "impl"), VARIANTS, ids=[f"{kernel}-{impl.name}" for kernel, impl in VARIANTS])
def test_a_variant_of_a_core_has_a_name_of_its_own_in_the_cache(kernel: str, impl: Impl) -> None:
    need(kernel, impl)
    compiled = kernels.resolve(kernel, impl).dispatcher  # type: ignore[attr-defined]
    assert compiled.py_func.__qualname__ == impl.name
    assert compiled.targetoptions.get("nogil", False) == (impl.gil != "held")


def test_more_threads_than_numba_was_started_with_are_refused() -> None:
    spec = kernels.load("montecarlo_pi")
    impl = spec.impl("nb_prange")
    assert impl is not None
    need("montecarlo_pi", impl)
    with pytest.raises(ValueError, match="10000 workers: Numba was started with"):
        kernels.resolve("montecarlo_pi", impl)(10_000, spec.sizes["XS"], {})
