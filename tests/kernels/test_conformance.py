"""Every implementation of every kernel, from the registry: the answer of the oracle, however the work is cut."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gilscope import kernels
from gilscope.core.registry import KERNELS
from gilscope.core.spec import Impl, chunk_bounds
from tests.kernels import awkward
from tests.kernels.harness import GRID, GRID_IDS, Workbench, need, with_params

CHUNKED = [(name, impl) for name, impl in GRID if impl.gil != "own_threads"]
OWN_THREADS = [(name, impl) for name, impl in GRID if impl.gil == "own_threads"]
COMPILED = [(name, impl) for name, impl in GRID if impl.name[:3] in ("cy_", "nb_")]


def ids(grid: list[tuple[str, Impl]]) -> list[str]:
    return [f"{name}-{impl.name}" for name, impl in grid]


@pytest.mark.parametrize(("name", "impl"), GRID, ids=GRID_IDS)
def test_gives_the_right_answer_at_xs(name: str, impl: Impl) -> None:
    need(name, impl)
    bench = Workbench(kernels.load(name), "XS")
    assert bench.complaint(bench.run(impl)) is None


@pytest.mark.parametrize(("name", "impl"), COMPILED, ids=ids(COMPILED))
def test_compiled_code_gives_the_right_answer_at_s(name: str, impl: Impl) -> None:
    need(name, impl)
    bench = Workbench(kernels.load(name), "S")
    assert bench.complaint(bench.run(impl)) is None


@pytest.mark.parametrize("name", KERNELS)
def test_every_size_has_a_digest(name: str) -> None:
    spec = kernels.load(name)
    assert list(spec.digests) == list(spec.sizes)


@pytest.mark.parametrize(("name", "impl"), CHUNKED, ids=ids(CHUNKED))
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_the_answer_does_not_depend_on_the_cuts_or_their_order(name: str, impl: Impl, data: st.DataObject) -> None:
    need(name, impl)
    bench = Workbench(kernels.load(name), "XS")
    extent = bench.spec.extent(bench.params)
    cuts = sorted(data.draw(st.sets(st.integers(1, extent - 1), max_size=min(8, extent - 1)), label="cuts"))
    bounds = data.draw(st.permutations(list(zip([0, *cuts], [*cuts, extent], strict=True))), label="order")
    assert bench.complaint(bench.run(impl, bounds)) is None


@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.parametrize(("name", "impl"), OWN_THREADS, ids=ids(OWN_THREADS))
def test_the_answer_does_not_depend_on_the_number_of_threads(name: str, impl: Impl, workers: int) -> None:
    need(name, impl)
    if impl.name == "nb_prange":
        import numba

        if workers > numba.config.NUMBA_NUM_THREADS:
            pytest.skip(f"Numba was started with {numba.config.NUMBA_NUM_THREADS} threads")
    bench = Workbench(kernels.load(name), "XS")
    assert bench.complaint(bench.run(impl, workers=workers)) is None


def same(left: memoryview, right: memoryview) -> bool:
    """Equal to the bit, except that all NaN are one: which of two NaN operands survives is not defined."""
    if left.format == "d":
        return all(x == y or (math.isnan(x) and math.isnan(y)) for x, y in zip(left, right, strict=True))
    return left.tobytes() == right.tobytes()


@pytest.mark.parametrize(("name", "impl"), [pair for pair in GRID if pair[0] in KERNELS], ids=lambda x: str(x))
def test_awkward_sizes_give_the_oracles_answer(name: str, impl: Impl) -> None:
    need(name, impl)
    oracle = kernels.load(name).impl("py_loop")
    assert oracle is not None
    for params in awkward.SIZES[name]:
        spec = with_params(kernels.load(name), params)
        bounds = chunk_bounds(spec.extent(params), 5)
        wanted, bench = Workbench(spec, "test"), Workbench(spec, "test")
        assert bench.run(impl, bounds) == wanted.run(oracle, bounds), params
        for buffer, lo, hi in spec.outputs(params):
            assert same(bench.buffers[buffer][lo:hi], wanted.buffers[buffer][lo:hi]), (params, buffer)


@pytest.mark.parametrize(
    ("name", "impl"), [pair for pair in GRID if pair[0] in ("triad", "nbody")], ids=lambda x: str(x)
)
def test_nan_and_infinity_go_where_the_oracle_puts_them(name: str, impl: Impl) -> None:
    need(name, impl)
    spec = kernels.load(name)
    oracle = spec.impl("py_loop")
    assert oracle is not None
    answers = []
    for each in (impl, oracle):
        bench = Workbench(spec, "XS")
        special = bench.buffers["c" if name == "triad" else "masses"]
        special[0], special[1], special[2] = math.nan, math.inf, -math.inf
        bench.run(each)
        answers.append([bench.buffers[buffer][lo:hi] for buffer, lo, hi in spec.outputs(bench.params)])
    assert all(same(left, right) for left, right in zip(*answers, strict=True))
    assert any(math.isnan(value) for value in answers[0][0])


@pytest.mark.parametrize(("name", "impl"), [p for p in COMPILED if p in CHUNKED], ids=lambda x: str(x))
def test_compiled_code_refuses_chunks_outside_the_extent(name: str, impl: Impl) -> None:
    need(name, impl)
    bench = Workbench(kernels.load(name), "XS")
    extent = bench.spec.extent(bench.params)
    function = kernels.resolve(name, impl)
    for lo, hi in ((-1, 1), (0, extent + 1), (2, 1)):
        with pytest.raises(ValueError, match=rf"\[{lo}, {hi}\)"):
            function(0, lo, hi, bench.params, bench.buffers)


@pytest.mark.parametrize(("name", "impl"), COMPILED, ids=ids(COMPILED))
def test_compiled_code_refuses_buffers_that_are_too_short(name: str, impl: Impl) -> None:
    need(name, impl)
    bench = Workbench(kernels.load(name), "XS")
    if not bench.buffers:
        return  # montecarlo_pi has none; the other tests cover it
    function = kernels.resolve(name, impl)
    short = {key: view[: len(view) - 1] for key, view in bench.buffers.items()}
    arguments = (2,) if impl.gil == "own_threads" else (0, 0, 1)
    with pytest.raises(ValueError, match="are needed"):
        function(*arguments, bench.params, short)


@pytest.mark.parametrize(("name", "impl"), OWN_THREADS, ids=ids(OWN_THREADS))
def test_own_threads_refuse_fewer_than_one(name: str, impl: Impl) -> None:
    need(name, impl)
    bench = Workbench(kernels.load(name), "XS")
    with pytest.raises(ValueError, match="workers"):
        kernels.resolve(name, impl)(0, bench.params, bench.buffers)
