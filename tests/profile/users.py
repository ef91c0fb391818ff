"""Functions as users bring them; nothing here knows that it is measured. Measured by ``test_users.py``."""

import hashlib
import json
import re
import time
import zlib

_DATA = bytes(range(256)) * 2000
_TEXT = "the quick brown fox jumps over the lazy dog " * 400
_DOCUMENT = {str(i): list(range(20)) for i in range(150)}
_NUMBERS = [(i * 7919) % 10007 for i in range(8000)]


def hashes():
    return hashlib.sha256(_DATA).hexdigest()


def compresses():
    return len(zlib.compress(_DATA, 6))


def writes_json():
    return len(json.dumps(_DOCUMENT))


def matches():
    return len(re.findall(r"(\w+) (\w+) fox", _TEXT))


def sorts():
    return sorted(_NUMBERS)[0]


def generates():
    return sum(x * x for x in (i + 1 for i in range(6000)) if x % 3)


def sleeps():
    time.sleep(0.005)


def numpy_sum():
    import numpy as np

    return float(_array("big", lambda: np.ones(300_000)).sum())


def numpy_matmul():
    import numpy as np

    matrix = _array("matrix", lambda: np.ones((256, 256)))
    return float((matrix @ matrix)[0, 0])


def numpy_small():
    import numpy as np

    small = _array("small", lambda: np.ones(8))
    for _ in range(300):
        small = small * 1.0 + 0.0
    return float(small[0])


def numba_held():
    return _compiled()(200_000)


_KEPT = {}


def _array(name, make):
    if name not in _KEPT:
        _KEPT[name] = make()
    return _KEPT[name]


def _compiled():
    if "loop" not in _KEPT:
        import numba

        @numba.njit
        def loop(n):
            total = 0
            for i in range(n):
                total += (i * i) % 7
            return total

        _KEPT["loop"] = loop
    return _KEPT["loop"]
