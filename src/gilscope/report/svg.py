"""SVG and HTML in which everything is escaped but ``Markup``."""

from __future__ import annotations

import html
import math
import re
from collections.abc import Callable, Iterable, Sequence

_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


class Markup(str):
    """Text that is markup already. Template engines that know ``__html__`` leave it alone."""

    __slots__ = ()

    def __html__(self) -> str:
        return self


def escaped(text: str) -> str:
    """Escape a text for XML and HTML, between tags and in quoted attributes."""
    return text if isinstance(text, Markup) else html.escape(legible(text), quote=True)


def legible(text: str) -> str:
    """Return a text without the characters that neither XML nor HTML allows."""
    return _NOT_XML.sub("\ufffd", text)


def tag(name: str, *children: str, **attributes: str | float | None) -> Markup:
    """Return an element; children are escaped unless they are ``Markup``.

    ``class_`` is ``class``, other underscores are hyphens, numbers lose what no screen shows, and None is left out.
    """
    given = {key.removesuffix("_").replace("_", "-"): value for key, value in attributes.items() if value is not None}
    opening = " ".join([name, *(f'{key}="{_value(value)}"' for key, value in given.items())])
    inside = "".join(map(escaped, children))
    return Markup(f"<{opening}>{inside}</{name}>" if inside else f"<{opening}/>")


def _value(value: str | float) -> str:
    return f"{value:.6g}" if isinstance(value, float) else escaped(str(value))


def path(points: Sequence[tuple[float, float]], *, closed: bool = False) -> str:
    """Return the ``d`` of a line through points."""
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points) + ("Z" if closed else "")


def linear(domain: tuple[float, float], pixels: tuple[float, float]) -> Callable[[float], float]:
    """Return the map from ``domain`` to ``pixels``."""
    (low, high), (start, end) = domain, pixels
    width = high - low or 1.0
    return lambda value: start + (value - low) / width * (end - start)


def logarithmic(domain: tuple[float, float], pixels: tuple[float, float]) -> Callable[[float], float]:
    """Return the map from the logarithm of ``domain`` to ``pixels``; what is too small lands at the low end."""
    inner = linear((math.log2(domain[0]), math.log2(domain[1])), pixels)
    return lambda value: inner(math.log2(max(value, domain[0])))


def nice_ticks(high: float, about: int = 4) -> list[float]:
    """Return round numbers from 0 up to ``high``, about as many as asked for."""
    if not 0 < high < math.inf:
        return [0.0]
    raw = high / about
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= raw * (1 - 1e-9))
    return [step * index for index in range(math.floor(high / step + 1e-9) + 1)]


def flowed(widths: Iterable[float], left: float, right: float) -> list[tuple[float, int]]:
    """Return x and row of things set side by side, in as many rows as they need."""
    places, x, row = [], left, 0
    for width in widths:
        if x > left and x + width > right:
            x, row = left, row + 1
        places.append((x, row))
        x += width
    return places
