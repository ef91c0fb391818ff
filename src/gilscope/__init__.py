"""Will this code run in parallel in Python, which way, on how many cores, and what stops it?

Importing gilscope imports nothing, not even ``typing``; each public name is looked up when it is first used.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gilscope.api import Comparison, compare
    from gilscope.results import load
    from gilscope.telemetry.attach import allow_attach
    from gilscope.telemetry.gil import GilMonitor

__version__ = "0.2.0"

__all__ = ["Comparison", "GilMonitor", "__version__", "allow_attach", "compare", "load"]

_HOMES = {
    "Comparison": "gilscope.api",
    "GilMonitor": "gilscope.telemetry.gil",
    "allow_attach": "gilscope.telemetry.attach",
    "compare": "gilscope.api",
    "load": "gilscope.results",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
