"""Primes below a limit by trial division: integer arithmetic that branches, and costs more for larger numbers.

The result is two counts: primes, and the divisions it takes to find the first divisor of each number or none.
"""

from typing import Any

from gilscope.core.spec import Buffers, KernelSpec, Params, Work
from gilscope.kernels._parts import CYTHON, NO_NP_BLAS, NO_STD_C, NP_VEC, NUMBA, PY_LOOP, read_digests

# Known numbers of primes below a limit (OEIS A000720).
_KNOWN = {1_000: 168, 60_000: 6_057, 100_000: 9_592, 1_000_000: 78_498, 5_000_000: 348_513}


def _check(params: Params, buffers: Buffers, result: Any) -> str | None:
    if not isinstance(result, list) or len(result) != 2:
        return "expected two counts: primes and divisions"
    known = _KNOWN.get(params["limit"], result[0])
    return None if result[0] == known else f"{result[0]} primes below {params['limit']}, there are {known}"


KERNEL = KernelSpec(
    name="primes",
    summary="primes below a limit by trial division",
    regime="integers, branches, growing cost",
    sizes={"XS": {"limit": 1_000}, "S": {"limit": 60_000}, "M": {"limit": 1_000_000}, "L": {"limit": 5_000_000}},
    extent=lambda params: params["limit"],
    combine=lambda params, partials: [sum(primes for primes, _ in partials), sum(divided for _, divided in partials)],
    check=_check,
    work=lambda params, result: Work(units=int(result[1]), unit="divisions"),
    digests=read_digests(__file__),
    impls=(PY_LOOP, NP_VEC, NO_NP_BLAS, NO_STD_C, *CYTHON, *NUMBA),
)
