"""spmv in NumPy: all products at once, then sums of segments."""

import numpy as np

from gilscope.core.spec import Buffers, Params

_ITEMS = 131072  # about so many products at a time: they stay in the second-level cache


def np_vec(phase: int, lo: int, hi: int, params: Params, buffers: Buffers) -> None:
    """Compute rows [lo, hi)."""
    y, values, x = (np.frombuffer(buffers[name]) for name in ("y", "values", "x"))
    starts = np.frombuffer(buffers["starts"], dtype=np.int64)
    columns = np.frombuffer(buffers["columns"], dtype=np.int32)
    while lo < hi:
        # The first row that ends beyond the block, or at least one row.
        last = max(lo + 1, min(hi, lo + int(np.searchsorted(starts[lo : hi + 1], starts[lo] + _ITEMS))))
        items = slice(starts[lo], starts[last])
        products = x.take(columns[items])
        products *= values[items]
        if len(products):
            # Every row has an item, so each segment is as long as the distance to the next start.
            np.add.reduceat(products, starts[lo:last] - starts[lo], out=y[lo:last])
        else:  # inputs that were not made yet: a worker that warms up
            y[lo:last] = 0.0
        lo = last
