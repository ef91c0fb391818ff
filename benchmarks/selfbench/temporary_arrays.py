"""Twenty functions of NumPy that make arrays of some MB in every call and drop them: what `temporaries` profiles."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

_RANDOM = np.random.default_rng(1)
_SQUARE = _RANDOM.random((1_000, 1_000))  # 8 MB
_FLAT = _SQUARE.ravel()
_CUBE = _RANDOM.random((256, 256, 16))
_SCORES = _RANDOM.random((16, 256, 256)).astype(np.float32)
_LEFT, _RIGHT = _RANDOM.random((1_000, 64)), _RANDOM.random((64, 1_000))
_POINTS = _RANDOM.random((800, 3))


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
    raised = np.exp(_SCORES - _SCORES.max(axis=-1, keepdims=True))
    return raised / raised.sum(axis=-1, keepdims=True)


def five_point() -> Any:
    """Average with the four neighbours."""
    inner = _SQUARE[1:-1, 1:-1] + _SQUARE[2:, 1:-1] + _SQUARE[:-2, 1:-1] + _SQUARE[1:-1, 2:] + _SQUARE[1:-1, :-2]
    return 0.2 * inner


def fourier() -> Any:
    """Transform rows there and back."""
    return np.fft.irfft(np.fft.rfft(_SQUARE, axis=1), axis=1)


def sort_rows() -> Any:
    """Sort a copy along rows."""
    return np.sort(_SQUARE, axis=1)


def rank_rows() -> Any:
    """Sort indices along rows."""
    return np.argsort(_SQUARE, axis=1)


def masked() -> Any:
    """Select by a boolean mask, and use what was selected."""
    return np.sqrt(_FLAT[(_FLAT > 0.25) & (_FLAT < 0.75)])


def clipped() -> Any:
    """Choose between two results element by element."""
    return np.where(_SQUARE > 0.5, _SQUARE * 2.0, _SQUARE - 1.0)


def row_variance() -> Any:
    """Reduce deviations over an axis."""
    return ((_SQUARE - _SQUARE.mean(axis=1, keepdims=True)) ** 2).sum(axis=1)


def standardised() -> Any:
    """Take off means and divide by deviations, by column."""
    return (_SQUARE - _SQUARE.mean(axis=0)) / _SQUARE.std(axis=0)


def outer_product() -> Any:
    """Multiply everything with everything."""
    return np.outer(_FLAT[:1_000], _FLAT[1_000:2_000]) + 1.0


def running_total() -> Any:
    """Sum up along rows, and take differences again."""
    return np.diff(np.cumsum(_SQUARE, axis=1), axis=1)


def contracted() -> Any:
    """Contract three factors."""
    return np.einsum("ij,ij,kj->ij", _SQUARE, _SQUARE, _SQUARE[:1])


def distances() -> Any:
    """Measure all pairs of points, through an array of differences."""
    apart = _POINTS[:, None, :] - _POINTS[None, :, :]
    return np.sqrt((apart * apart).sum(axis=-1))


def binned() -> Any:
    """Count in bins."""
    return np.bincount((_FLAT * 100.0).astype(np.int64), weights=_FLAT)


def rolled() -> Any:
    """Shift and join."""
    return np.concatenate([np.roll(_SQUARE, 1, axis=0), np.roll(_SQUARE, 1, axis=1)])


def polynomial() -> Any:
    """Evaluate a polynomial."""
    return 1.0 + _SQUARE * (0.5 + _SQUARE * (0.25 + _SQUARE * 0.125))


def logistic() -> Any:
    """Evaluate the logistic function."""
    return 1.0 / (1.0 + np.exp(-_SQUARE))


def slopes() -> Any:
    """Take the length of the gradient."""
    down, along = np.gradient(_SQUARE)
    return np.hypot(down, along)


def layer() -> Any:
    """Multiply matrices, add, cut off below zero."""
    return np.maximum(_LEFT @ _RIGHT - 16.0, 0.0)


FUNCTIONS: tuple[Callable[[], Any], ...] = (
    horizontal_diffusion,
    softmax,
    five_point,
    fourier,
    sort_rows,
    rank_rows,
    masked,
    clipped,
    row_variance,
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
