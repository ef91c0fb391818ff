"""The input generator and its twin."""

from __future__ import annotations

import importlib.util
from array import array
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gilscope import kernels
from gilscope.kernels import _inputs as compiled

SEEDS = st.integers(0, 2**60)


def _python_twin() -> ModuleType:
    """Load the plain-Python module that the extension of the same name hides."""
    path = Path(str(kernels.__file__)).with_name("_inputs.py")
    spec = importlib.util.spec_from_file_location("python_inputs", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


twin = _python_twin()


def test_the_extension_hides_the_plain_twin() -> None:
    assert compiled.COMPILED is True
    assert twin.COMPILED is False


def test_splitmix64_gives_its_published_first_outputs() -> None:
    # The stream of seed 0 as printed by the reference implementation (Vigna, splitmix64.c): state i * gamma.
    assert [twin.splitmix64(i) for i in range(3)] == [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]


@given(seed=SEEDS, length=st.integers(0, 40))
def test_twins_agree_on_uniform_doubles(seed: int, length: int) -> None:
    left, right = memoryview(array("d", bytes(8 * length))), memoryview(array("d", bytes(8 * length)))
    compiled.fill_uniform(left, seed)
    twin.fill_uniform(right, seed)
    assert left.tolist() == right.tolist()
    assert all(0.0 <= value < 1.0 for value in left)


@pytest.mark.parametrize("form", ["d", "i"])
@given(seed=SEEDS, length=st.integers(0, 40), low=st.integers(-5, 5), count=st.integers(1, 1000))
def test_twins_agree_on_whole_numbers(form: str, seed: int, length: int, low: int, count: int) -> None:
    left, right = memoryview(array(form, [0] * length)), memoryview(array(form, [0] * length))
    compiled.fill_bounded(left, seed, low, count)
    twin.fill_bounded(right, seed, low, count)
    assert left.tolist() == right.tolist()
    assert all(low <= value < low + count for value in left)


@given(seed=SEEDS, length=st.integers(0, 40))
def test_twins_agree_on_words(seed: int, length: int) -> None:
    left, right = memoryview(array("Q", bytes(8 * length))), memoryview(array("Q", bytes(8 * length)))
    compiled.fill_words(left, seed)
    twin.fill_words(right, seed)
    assert left.tolist() == right.tolist()


@given(seed=SEEDS, length=st.integers(0, 40), modulus=st.integers(1, 2**31))
def test_twins_agree_on_remainders(seed: int, length: int, modulus: int) -> None:
    left, right = memoryview(array("i", [0] * length)), memoryview(array("i", [0] * length))
    compiled.fill_remainders(left, seed, modulus)
    twin.fill_remainders(right, seed, modulus)
    assert left.tolist() == right.tolist()


@given(seed=SEEDS, rows=st.integers(0, 60))
def test_twins_agree_on_the_starts_of_power_law_rows(seed: int, rows: int) -> None:
    left, right = memoryview(array("q", [-1] * (rows + 1))), memoryview(array("q", [-1] * (rows + 1)))
    assert compiled.fill_power_law_starts(left, seed) == twin.fill_power_law_starts(right, seed) == left[rows]
    assert left.tolist() == right.tolist()
    lengths = [b - a for a, b in pairwise(left)]
    assert lengths == sorted(lengths, reverse=True)
    assert all(9 <= length <= 1000 for length in lengths)


def test_a_value_depends_on_seed_plus_index_alone() -> None:
    whole, part = memoryview(array("d", bytes(80))), memoryview(array("d", bytes(24)))
    compiled.fill_uniform(whole, compiled.seed_of(2, 1))
    compiled.fill_uniform(part, compiled.seed_of(2, 1) + 7)
    assert whole[7:].tolist() == part.tolist()


def test_the_compiled_generator_refuses_a_buffer_of_another_format() -> None:
    with pytest.raises(TypeError, match="format 'd'"):
        compiled.fill_uniform(memoryview(array("i", [0])), 0)


def test_the_compiled_generator_refuses_a_read_only_buffer() -> None:
    with pytest.raises(BufferError):
        compiled.fill_uniform(memoryview(bytes(8)).cast("d"), 0)
