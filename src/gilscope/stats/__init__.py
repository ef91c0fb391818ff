"""Pure functions on samples. Knows nothing of benchmarks; standard library only.

``intervals`` has estimates for a sample of fixed size, ``stopping`` those for a sample that grew until it was good
enough, as samples of blocks do, ``batch_means`` is for one long sample of
something that changes, and ``crossing`` finds where a curve measured in blocks crosses a level.
"""

from __future__ import annotations

from gilscope.stats.batch_means import batch_means
from gilscope.stats.crossing import bootstrap_interval, crossing, isotonic_fit, median_crossing
from gilscope.stats.dependence import trend
from gilscope.stats.intervals import MIN_BLOCKS, Estimate, median_interval, median_range, ratio_interval
from gilscope.stats.stopping import LOOKS, estimate_or_none, precision_reached, sequential_interval, should_stop

__all__ = [
    "LOOKS",
    "MIN_BLOCKS",
    "Estimate",
    "batch_means",
    "bootstrap_interval",
    "crossing",
    "estimate_or_none",
    "isotonic_fit",
    "median_crossing",
    "median_interval",
    "median_range",
    "precision_reached",
    "ratio_interval",
    "sequential_interval",
    "should_stop",
    "trend",
]
