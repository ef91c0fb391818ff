"""Twenty functions of NumPy that make arrays of some MB in every call and drop them: what `temporaries` profiles.

Each has three arrays or more at the same time, of just less than the 4 MiB from which NumPy asks for huge pages. glibc
gives the top of its heap back when more than twice the largest such array is free there, so each faults its
pages in again in every call, unless something else lies above.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

_RANDOM = np.random.default_rng(1)
_SQUARE = _RANDOM.random((700, 700))
_FLAT = _SQUARE.ravel()
_CUBE = _RANDOM.random((170, 170, 16))
_SCORES = _RANDOM.random((15, 256, 256), dtype=np.float32)  # nothing larger is freed: that would raise the limits
_LEFT, _RIGHT = _RANDOM.random((700, 64)), _RANDOM.random((64, 700))
_POINTS = _RANDOM.random((400, 3))


def horizontal_diffusion() -> Any:
    """Diffuse with flux limiters, as weather models do."""
    field = _CUBE
    lap = 4.0 * field[1:-1, 1:-1] - (field[2:, 1:-1] + field[:-2, 1:-1] + field[1:-1, 2:] + field[1:-1, :-2])
    flux_x = lap[1:, 1:-1] - lap[:-1, 1:-1]
    flux_x = np.where(flux_x * (field[2:-1, 2:-2] - field[1:-2, 2:-2]) > 0, 0.0, flux_x)
    flux_y = lap[1:-1, 1:] - lap[1:-1, :-1]
    flux_y = np.where(flux_y * (field[2:-2, 2:-1] - field[2:-2, 1:-2]) > 0, 0.0, flux_y)
    return field[2:-2, 2:-2] - 0.1 * (flux_x[1:] - flux_x[:-1] + flux_y[:, 1:] - flux_y[:, :-1])


def softmax() -> Any:
    """Normalise exponentials over the last axis."""
    shifted = _SCORES - _SCORES.max(axis=-1, keepdims=True)
    raised = np.exp(shifted)
    return raised / raised.sum(axis=-1, keepdims=True)


def five_point() -> Any:
    """Average with the four neighbours."""
    down = _SQUARE[2:, 1:-1] + _SQUARE[:-2, 1:-1]
    along = _SQUARE[1:-1, 2:] + _SQUARE[1:-1, :-2]
    around = down + along
    return 0.2 * (around + _SQUARE[1:-1, 1:-1])


def fourier() -> Any:
    """Transform rows there and back."""
    spectrum = np.fft.rfft(_SQUARE, axis=1)
    back = np.fft.irfft(spectrum, axis=1)
    return back - _SQUARE


def sort_rows() -> Any:
    """Sort copies along both axes."""
    along, down = np.sort(_SQUARE, axis=1), np.sort(_SQUARE, axis=0)
    return along - down


def rank_rows() -> Any:
    """Sort indices along rows, and these again."""
    order = np.argsort(_SQUARE, axis=1)
    ranks = np.argsort(order, axis=1)
    return ranks - order


def masked() -> Any:
    """Split by a boolean mask, and join what became of the parts."""
    mask = (_FLAT > 0.25) & (_FLAT < 0.75)
    chosen, others = np.sqrt(_FLAT[mask]), _FLAT[~mask]
    return np.concatenate([chosen, others])


def clipped() -> Any:
    """Choose between two results element by element."""
    doubled, less = _SQUARE * 2.0, _SQUARE - 1.0
    return np.where(_SQUARE > 0.5, doubled, less)


def row_skewness() -> Any:
    """Reduce powers of deviations over an axis."""
    apart = _SQUARE - _SQUARE.mean(axis=1, keepdims=True)
    squares = apart * apart
    cubes = squares * apart
    return cubes.sum(axis=1) / squares.sum(axis=1) ** 1.5


def standardised() -> Any:
    """Take off means and divide by deviations, by column."""
    centred = _SQUARE - _SQUARE.mean(axis=0)
    scaled = centred / _SQUARE.std(axis=0)
    return np.clip(scaled, -2.0, 2.0)


def outer_product() -> Any:
    """Combine everything with everything."""
    left, right = _FLAT[:700], _FLAT[700:1400]
    products, sums = np.outer(left, right), np.add.outer(left, right)
    return products / sums


def running_total() -> Any:
    """Sum up along rows, and take differences again."""
    totals = np.cumsum(_SQUARE, axis=1)
    steps = np.diff(totals, axis=1)
    return totals[:, 1:] * steps


def contracted() -> Any:
    """Contract factors."""
    squares = np.einsum("ij,ij->ij", _SQUARE, _SQUARE)
    turned = np.einsum("ij,ji->ij", squares, _SQUARE)
    return squares - turned


def distances() -> Any:
    """Measure all pairs of points, through an array of differences."""
    apart = _POINTS[:, None, :] - _POINTS[None, :, :]
    squares = apart * apart
    return np.sqrt(squares.sum(axis=-1))


def binned() -> Any:
    """Count in bins."""
    scaled = _FLAT * 100.0
    places, weights = scaled.astype(np.int64), _FLAT * _FLAT
    return np.bincount(places, weights=weights)


def rolled() -> Any:
    """Shift and join."""
    down, along = np.roll(_SQUARE, 1, axis=0), np.roll(_SQUARE, 1, axis=1)
    return np.concatenate([down, along])


def polynomial() -> Any:
    """Evaluate a polynomial."""
    squares = _SQUARE * _SQUARE
    cubes = squares * _SQUARE
    return 1.0 + 0.5 * _SQUARE + 0.25 * squares + 0.125 * cubes


def logistic() -> Any:
    """Evaluate the slope of the logistic function."""
    raised = np.exp(-_SQUARE)
    shares = 1.0 / (1.0 + raised)
    rest = 1.0 - shares
    return shares * rest


def slopes() -> Any:
    """Take the length of the gradient."""
    down, along = np.gradient(_SQUARE)
    return np.hypot(down, along)


def layer() -> Any:
    """Multiply matrices, add, cut off below zero."""
    product = _LEFT @ _RIGHT
    shifted = product - 16.0
    return np.maximum(shifted, 0.0)


FUNCTIONS: tuple[Callable[[], Any], ...] = (
    horizontal_diffusion,
    softmax,
    five_point,
    fourier,
    sort_rows,
    rank_rows,
    masked,
    clipped,
    row_skewness,
    standardised,
    outer_product,
    running_total,
    contracted,
    distances,
    binned,
    rolled,
    polynomial,
    logistic,
    slopes,
    layer,
)
"""All of them."""
