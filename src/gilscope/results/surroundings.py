"""What surrounded a measurement, typed, and whether two had the same: only then are they comparable."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from gilscope.core.typed import read

MEMORY_TOLERANCE = 20  # one machine's memory may seem to change by one part in so many: kernels reserve some of it


class _Known:
    """Tells whether anything is known: some field differs from its default."""

    __slots__ = ()

    @property
    def known(self) -> bool:
        """Whether anything is known of it."""
        return self != type(self)()


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine(_Known):
    """The hardware and its operating system (``gilscope.env.machine.describe``)."""

    identity: str = ""
    system: str = ""
    release: str = ""
    architecture: str = ""
    cpu_model: str = ""
    virtual: bool | None = None  # None without a sign either way
    memory_bytes: float | None = None
    caches_bytes: Mapping[str, float] = field(default_factory=dict)  # data caches of the first CPU: L1d, L2, ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Cpus(_Known):
    """How many workers could run at the same time (``gilscope.env.cpu.UsableCpus``)."""

    count: int | None = None
    limit: str = ""
    detail: str = ""
    logical: int | None = None
    physical: int | None = None
    quota_cpus: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Python(_Known):
    """An interpreter: the one gilscope ran in, or one of those that were compared."""

    label: str = ""  # its name in case ids: 3.13t+gil
    implementation: str = ""
    version: str = ""
    executable: str = ""
    compiler: str = ""
    free_threaded: bool = False  # built to run without the GIL
    gil_enabled: bool | None = None  # whether it starts with the GIL; None where the file does not say
    gil_asked: str = ""  # "on" or "off" from --gil
    switch_interval_s: float | None = None  # after which a waiting thread requests the GIL
    libraries: Mapping[str, str | None] = field(default_factory=dict)  # versions; of compared interpreters only


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """The outcome of a check of the machine (``gilscope.env.checks.Check``)."""

    name: str = ""
    status: str = ""
    message: str = ""
    cure: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExaminedFunction:
    """One of the user's functions as it was examined before it was measured."""

    call_s: float | None = None  # seconds of one call on one thread
    empty_s: float | None = None  # the same for a function that does nothing
    fresh: float | None = None  # a call with fresh arguments and caches over a later one
    growth: float | None = None  # of its pickled arguments while it was examined
    held: float | None = None  # share of that time in which it held the GIL, 0 to 1
    own_threads: bool = False  # whether it, or libraries it calls, use threads
    pools: tuple[str, ...] = ()  # thread pools of libraries that it uses
    items: float | None = None  # how many a call works on, where given
    faults: float | None = None  # page faults of a warm call
    fault_share: float | None = None  # of its time, at most
    source: str = ""
    source_file: str = ""  # below the folder it was measured in, or its name alone
    source_line: int | None = None
    source_reason: str = "the result does not have it"  # why there is no source, as in results of earlier versions


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOffPrice:
    """What handing the GIL to a waiting thread costs, seconds: median and quartiles."""

    hold_s: float  # after holds of this length
    waiting: int  # with so many threads that wait
    low_s: float
    value_s: float
    high_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit(_Known):
    """The commit that was checked out (``gilscope.env.commit``)."""

    id: str = ""
    time_utc: str = ""  # ISO 8601, when it was committed


@dataclass(frozen=True, slots=True, kw_only=True)
class HardwareRoof:
    """What the hardware gave to so many threads (``gilscope.telemetry.roof.Roof``)."""

    workers: int
    stream: str = ""  # the STREAM kernel with the highest bandwidth
    bytes_per_s: float
    vector_bits: float = 0
    flops_per_s: float | None = None  # multiplying and adding apart
    fma_flops_per_s: float | None = None
    reason: str = ""  # why one of them is not known


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """The environment of a result as stored in the file; each field may be missing there."""

    machine: Machine = field(default_factory=Machine)
    cpus: Cpus = field(default_factory=Cpus)
    interpreter: Python = field(default_factory=Python)  # the one gilscope ran in
    interpreters: tuple[Python, ...] = ()  # those that were compared; empty for only the running one
    libraries: Mapping[str, str | None] = field(default_factory=dict)  # None: was not installed
    checks: tuple[CheckResult, ...] = ()
    hand_over_s: Mapping[str, float] = field(default_factory=dict)  # of a call of the user's functions: the low end
    hand_over_most_s: Mapping[str, float] = field(default_factory=dict)  # the high end of that interval
    hand_over_more_s: Mapping[str, float] = field(default_factory=dict)  # by how much each worker more raises both
    hand_off: tuple[HandOffPrice, ...] = ()  # of the GIL
    roofs: tuple[HardwareRoof, ...] = ()  # of the hardware, by number of threads
    functions: Mapping[str, ExaminedFunction] = field(default_factory=dict)
    commit: Commit = field(default_factory=Commit)
    started_utc: str = ""  # ISO 8601, to the second

    @classmethod
    def of(cls, environment: Mapping[str, Any] | None) -> Surroundings:
        """Read a stored environment; what is missing, or not as gilscope writes it, counts as unknown."""
        return read(cls, environment)


_PARTS = {
    "machine": ("identity", "system", "architecture", "cpu_model", "memory_bytes"),
    "cpus": ("count", "limit", "logical", "quota_cpus"),
    "interpreter": ("implementation", "version", "free_threaded", "gil_enabled", "compiler"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A field ``name`` of the environment that differs."""

    where: str  # machine, cpus, interpreter (which gilscope ran in) or "interpreter 3.13t" (one of those compared)
    name: str
    before: Any
    now: Any

    def __str__(self) -> str:
        return f"{self.where} {self.name}: {self.before} before, {self.now} now"


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[Difference]:
    """Return what differs between two environments and decides how fast anything runs.

    Fields that are unknown in one of them are left out (of CPUs, None means no limit); so are libraries, whose change
    may be the question.
    """
    parts = [(part, names, before.get(part) or {}, now.get(part) or {}) for part, names in _PARTS.items()]
    others = {entry.get("label"): entry for entry in now.get("interpreters", ())}
    for entry in before.get("interpreters", ()):
        label = entry.get("label")
        parts.append((f"interpreter {label}", _PARTS["interpreter"], entry, others.get(label, {})))
    return [difference for part in parts for difference in _differing(*part)]


def _differing(
    where: str, names: tuple[str, ...], old: Mapping[str, Any], new: Mapping[str, Any]
) -> Iterator[Difference]:
    for name in names:
        known = name in old and name in new and (where == "cpus" or None not in (old[name], new[name]))
        if known and not _same(name, old[name], new[name]):
            yield Difference(where=where, name=name, before=old[name], now=new[name])


def _same(name: str, old: Any, new: Any) -> bool:
    if name == "memory_bytes" and type(old) is type(new) is int:
        return MEMORY_TOLERANCE * abs(new - old) <= max(old, new)
    return bool(old == new)
