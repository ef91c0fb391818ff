"""Placements of n queens: recursion over sub-trees of very uneven size, one per pair of columns in the first two rows.

The result is two counts: complete placements, and nodes of the search tree (pairs, and queens placed below them).
"""

from typing import Any

from gilscope.core.spec import Buffers, KernelSpec, Params, Work
from gilscope.kernels._parts import CYTHON, NO_NP_BLAS, NO_STD_C, NP_VEC, NUMBA, PY_LOOP, read_digests

# OEIS A000170.
_KNOWN = {1: 1, 2: 0, 3: 0, 4: 2, 5: 10, 6: 4, 7: 40, 8: 92, 11: 2_680, 12: 14_200, 13: 73_712, 15: 2_279_184}


def _check(params: Params, buffers: Buffers, result: Any) -> str | None:
    if not isinstance(result, list) or len(result) != 2:
        return "expected two counts: placements and nodes"
    known = _KNOWN.get(params["n"], result[0])
    return None if result[0] == known else f"{result[0]} placements of {params['n']} queens, there are {known}"


KERNEL = KernelSpec(
    name="nqueens",
    summary="placements of n queens",
    regime="recursion, uneven sub-trees",
    sizes={"XS": {"n": 6}, "S": {"n": 11}, "M": {"n": 13}, "L": {"n": 15}},
    extent=lambda params: params["n"] ** 2,
    combine=lambda params, partials: [sum(solutions for solutions, _ in partials), sum(nodes for _, nodes in partials)],
    check=_check,
    work=lambda params, result: Work(units=int(result[1]), unit="nodes"),
    digests=read_digests(__file__),
    impls=(PY_LOOP, NP_VEC, NO_NP_BLAS, NO_STD_C, *CYTHON, *NUMBA),
)
