"""What exists: kernels with their implementations, and executors, each with whether it can be used here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from gilscope import executors, kernels
from gilscope.core.registry import EXECUTORS, KERNELS, QUICK, START_METHODS
from gilscope.core.spec import GilUse, Impl

SCHEMA, SCHEMA_VERSION = "gilscope.list", 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedImplementation:
    """An implementation, and whether it can be used here: if not, why and what to do."""

    name: str
    gil: GilUse
    size: str
    available: bool
    reason: str
    cure: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedKernel:
    """A kernel; ``summary`` has the reason where it cannot be loaded."""

    name: str
    summary: str
    regime: str = ""
    sizes: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    implementations: tuple[ListedImplementation, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedExecutor:
    """An executor, per start method if it has several, and whether it can be used here."""

    name: str
    start_method: str
    available: bool
    reason: str
    cure: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """Everything; ``default`` names the kernels that are measured by default."""

    default: tuple[str, ...]
    kernels: tuple[ListedKernel, ...]
    executors: tuple[ListedExecutor, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the document of ``gilscope list --json``."""
        return {"schema": SCHEMA, "schema_version": SCHEMA_VERSION, **asdict(self)}


def inventory() -> Inventory:
    """Collect what exists."""
    return Inventory(
        default=QUICK,
        kernels=tuple(_kernel(name) for name in (*KERNELS, *kernels.foreign())),
        executors=tuple(entry for name in EXECUTORS for entry in _executor(name)),
    )


def _kernel(name: str) -> ListedKernel:
    try:
        spec = kernels.load(name)
    except (ImportError, AttributeError) as error:  # kernels of other packages may not load
        return ListedKernel(name=name, summary=f"cannot be loaded: {error}")
    available = [(impl, kernels.availability(spec, impl)) for impl in spec.impls]
    return ListedKernel(
        name=name,
        summary=spec.summary,
        regime=spec.regime,
        sizes={word: dict(params) for word, params in spec.sizes.items()},
        implementations=tuple(
            ListedImplementation(
                name=impl.name, gil=impl.gil, size=impl.size, available=here.ok, reason=here.reason, cure=here.cure
            )
            for impl, here in available
        ),
    )


def _executor(name: str) -> Iterator[ListedExecutor]:
    """Yield one entry per executor; one per start method for processes."""
    typical = Impl(name="any", target="", gil="own_threads" if name == "native" else "released")
    for start_method in START_METHODS if name == "processes" else ("",):
        here = executors.availability(name, typical, start_method)
        yield ListedExecutor(
            name=name, start_method=start_method, available=here.ok, reason=here.reason, cure=here.cure
        )
