"""How far a case is from the hardware: shares of a roof that is given."""

from __future__ import annotations

import pytest

from gilscope.analysis.roof import hardware_share
from gilscope.core.spec import Work
from gilscope.results.surroundings import HardwareRoof
from gilscope.stats import median_range

ROOFS = (
    HardwareRoof(workers=1, bytes_per_s=10e9, flops_per_s=20e9, fma_flops_per_s=40e9),
    HardwareRoof(workers=2, bytes_per_s=15e9, flops_per_s=None, reason="peak arithmetic is measured on x86-64 only"),
)


def work(flops: float = 0.0, nbytes: float = 0.0) -> Work:
    return Work(units=1, unit="steps", flops=int(flops), bytes=int(nbytes))


@pytest.mark.parametrize(
    ("flops", "nbytes", "bound_by", "share"),
    [(2e9, 24e9, "bandwidth", 0.8), (80e9, 8e9, "arithmetic", 2.0 / 3.0), (0.0, 15e9, "bandwidth", 0.5)],
)
def test_the_longer_of_both_times_is_the_roof(flops: float, nbytes: float, bound_by: str, share: float) -> None:
    found, reason = hardware_share(work(flops, nbytes), median_range([2.9, 3.0, 3.1]), 1, ROOFS)
    assert found is not None
    assert (found.bound_by, reason) == (bound_by, "")
    assert found.share.value == pytest.approx(share)
    assert found.share.low < share < found.share.high
    assert found.intensity == (flops / nbytes)


@pytest.mark.parametrize(
    ("done", "workers", "reason"),
    [
        (work(), 1, "neither floating-point operations nor bytes"),
        (None, 1, "neither floating-point operations nor bytes"),
        (work(1e9), 3, "no bandwidth and peak of the hardware for so many workers"),
        (work(1e9), 2, "on x86-64 only"),
        (work(1e9, 100e9), 1, "stay in caches"),
    ],
)
def test_what_has_no_roof_says_why(done: Work | None, workers: int, reason: str) -> None:
    found, given = hardware_share(done, median_range([2.9, 3.0, 3.1]), workers, ROOFS)
    assert found is None
    assert reason in given
