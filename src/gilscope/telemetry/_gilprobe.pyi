from collections.abc import Iterable, Mapping
from typing import Any, TypedDict

NO_GIL: str

class Snapshot(TypedDict):
    began_ns: int
    last_ns: int
    samples: int
    late: int
    unattributed: int
    wall_ns: float
    squares: float
    held_ns: float
    held_differences: float
    waiting_ns: float
    waiting_differences: float
    waiting_squares: float
    contended_ns: float
    running_ns: float
    overdue_ns: float
    lateness_ns: float
    switches: int
    cpu_ns: int
    rate_hz: float
    busy: float
    realtime: bool
    switch_interval_s: float
    bin_ns: int
    timeline: list[tuple[float, float, float, int, int]]
    threads: list[tuple[int, int, float, float]]
    other_threads: tuple[int, float, float]
    holds: list[tuple[int, int, float]]

class RawStacks(TypedDict):
    stacks: list[tuple[int, int, tuple[tuple[str, str, int], ...], float, float, int]]
    samples: int
    dropped: int

class Located(TypedDict):
    gil: bool
    waiting: bool
    states: bool
    sleeps: bool

class Look(TypedDict):
    locked: bool
    holder: int
    switch_number: int
    waiting: int

class WaitersFrom(TypedDict):
    libc: str
    byte: int | None
    states: bool

def waiters_from() -> WaitersFrom: ...
def waiters_byte(libc: str) -> int | None: ...
def counts_waiters(byte: int) -> bool: ...
def self_check(skew: int = 0, *, byte: int | None = None) -> dict[str, str]: ...
def look(by: str = "") -> Look: ...
def duty(hold_s: float, release_s: float, total_s: float) -> tuple[int, int, int]: ...
def own_stack() -> tuple[tuple[str, str, int], ...] | None: ...
def locate_in(pid: int, runtime: int, code_type: int, refs_at: int, native_id: int) -> Located: ...
def refused(pid: int, address: int) -> int: ...
def allow_attach() -> int: ...
def sleeps_known(native_id: int) -> bool: ...
def undeclared_modules(modules: Mapping[str, Any]) -> list[str] | None: ...

class Sampler:
    def __init__(
        self,
        *,
        rate_hz: float,
        adaptive: bool,
        min_hz: float,
        max_hz: float,
        settled_hz: float,
        budget: float,
        machine_budget: float,
        wake_cost_s: float,
        cpus: float,
        target: float,
        identify: bool,
        seed: int,
        keep: int = 0,
        by: str = "",
        realtime: bool = True,
        lines: bool = False,
        waits: bool = False,
        process: tuple[int, int, int, int] | None = None,
    ) -> None: ...
    @property
    def gone(self) -> bool: ...
    def stacks(self) -> RawStacks | None: ...
    def start(self) -> None: ...
    def stop(self) -> None: ...
    def snapshot(self) -> Snapshot: ...
    def replay(self, looks: Iterable[tuple[float, bool, int]], width_s: float) -> Snapshot: ...
    def spans(self) -> tuple[list[tuple[int, int, int]], int]: ...

class TraceStats(TypedDict):
    looks: int
    began_ns: int
    ended_ns: int
    longest_gap_ns: int
    blind_ns: int

class Tracer:
    def __init__(self, *, capacity: int, identify: bool) -> None: ...
    def start(self) -> None: ...
    def stop(self) -> None: ...
    def spans(self) -> tuple[list[tuple[int, int, int]], int]: ...
    def stats(self) -> TraceStats: ...
