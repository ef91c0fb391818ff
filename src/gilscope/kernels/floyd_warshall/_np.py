"""floyd_warshall in NumPy: all rows of the chunk at once."""

import numpy as np

from gilscope.core.spec import Buffers, Params


def np_vec(phase: int, lo: int, hi: int, params: Params, buffers: Buffers) -> None:
    """Shorten the paths from nodes [lo, hi) over node ``phase``."""
    n, k = params["n"], phase
    d = np.frombuffer(buffers["d"], dtype=np.int32)[: n * n].reshape(n, n)
    # Row k stays as it is and is not written, because other chunks read it meanwhile.
    for first, last in ((lo, min(hi, k)), (max(lo, k + 1), hi)):
        if first < last:
            own = d[first:last]
            np.minimum(own, own[:, k, None] + d[k], out=own)
