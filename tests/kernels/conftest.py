"""Settings that must stand before Numba is imported."""

from __future__ import annotations

import os

# Numba takes its number of threads from the machine, once, at import; the tests ask for three on any machine.
os.environ.setdefault("NUMBA_NUM_THREADS", "3")
