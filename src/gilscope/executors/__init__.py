"""Who runs the chunks: one contract, one file per executor.

Each module of ``registry.EXECUTORS`` has ``open_pool(max_workers, cpus, start_method) -> Pool`` and, unless it runs
every chunked implementation everywhere, ``availability(impl, start_method) -> Availability``. ``Pool.bind(task) ->
Session``; ``Session.run_round(repeats, limit) -> Round``, ``.result``, ``.one_time_ns``, ``.jit_cache``, ``.isa``, and
``.gil_enabled`` where workers may differ from the parent in it; both have an idempotent ``close()``.
"""

from __future__ import annotations

import importlib
from typing import Any

from gilscope.core.registry import EXECUTORS, REFERENCES, check_names
from gilscope.core.spec import Availability, Impl

__all__ = ["availability", "module_of"]


def module_of(name: str) -> Any:
    """Return the module of executor ``name``, or raise UnknownNameError."""
    check_names("executor", [name], (*EXECUTORS, *REFERENCES))
    return importlib.import_module(f"gilscope.executors.{'_' if name in REFERENCES else ''}{name}")


def availability(name: str, impl: Impl, start_method: str = "") -> Availability:
    """Whether executor ``name`` can run ``impl`` here, and if not, why."""
    check = getattr(module_of(name), "availability", None)
    found: Availability = check(impl, start_method) if check is not None else Availability(ok=True)
    return found
