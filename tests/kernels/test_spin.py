"""The probe spin: any task size is a size of it, and all its loops do what they are asked."""

from __future__ import annotations

import pytest

from gilscope.kernels.spin.spec import KERNEL, size_word
from tests.kernels.harness import Workbench, need


def test_any_number_of_items_and_steps_is_a_size() -> None:
    assert KERNEL.sizes[size_word(32, 1000)] == {"items": 32, "steps": 1000}
    assert set(KERNEL.sizes) == {"XS", "S", "M", "L"}  # and still no more words than everybody knows
    for word in ("XL", "n3", "n3s", "n-1s2"):
        with pytest.raises(KeyError):
            KERNEL.sizes[word]


@pytest.mark.parametrize("impl", KERNEL.impls, ids=lambda impl: impl.name)
@pytest.mark.parametrize("steps", [0, 7])
def test_items_without_steps_are_items_too(impl, steps: int) -> None:
    need("spin", impl)
    bench = Workbench(KERNEL, size_word(5, steps))
    assert bench.run(impl) == 5


def test_the_compiled_loops_compute_the_same() -> None:
    for name in ("cy_nogil", "cy_prange"):
        need("spin", KERNEL.impl(name))
    benches = [Workbench(KERNEL, size_word(9, 100)) for _ in range(2)]
    for bench, name in zip(benches, ("cy_nogil", "cy_prange"), strict=True):
        bench.run(KERNEL.impl(name))
    assert bytes(benches[0].buffers["last"]) == bytes(benches[1].buffers["last"])
