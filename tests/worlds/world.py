"""What can be planted: a machine, a program, how it is measured; and its form as JSON. All times in seconds."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import MISSING, Field, asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, get_args, get_type_hints

__all__ = ["Machine", "Program", "World", "WorldError", "from_json", "load", "to_json"]

EXECUTORS = ("threads", "processes")
MOST_WORKERS = 256


class WorldError(ValueError):
    """A world that cannot be read; the message is one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Where the program runs.

    Parameters
    ----------
    cpus, cores : int
        Logical CPUs, and physical cores; 0 cores: as many as CPUs.
    smt_yield : float
        What two hardware threads of one core do together, of what one does alone.
    turbo : float
        Clock with one busy core over the clock with all cores busy.
    bandwidth : float
        How many workers that do nothing but move memory the memory serves at full speed; 0: any number.
    cache : float
        How many working sets of size 1 fit into the shared cache; 0: any number.
    node_cpus : int
        CPUs of one NUMA node; 0: one node.
    remote : float
        Cost of memory on another node over that of one's own.
    quota : float
        CPUs that the cgroup allows; 0: no quota.
    steal : float
        Share of a CPU in use that the hypervisor takes, in pieces.
    steal_elsewhere : float
        CPUs stolen on the rest of the node, which only the first line of /proc/stat shows.
    neighbours : int
        Other programs of one thread each that queue for CPUs, on and off.
    neighbour_on_s, neighbour_off_s : float
        Mean lengths of their busy and idle spells.
    drift : float
        Relative change of speed per minute.
    noise, noise_s : float
        Standard deviation and correlation time of the speed (an Ornstein-Uhlenbeck process, AR(1) in seconds).
    bursts_per_s, burst_s, burst : float
        Spells of mean length ``burst_s`` in which everything takes ``burst`` times as long.
    sibling, sibling_on_s, sibling_off_s : float
        How many times as long a CPU takes while another virtual machine uses the sibling of its core; mean lengths of
        such spells, of each CPU its own, and of those between them.
    jitter : float
        Independent relative scatter of rounds and workers.
    wake_s : float
        Mean time to wake a worker.
    waiters : bool
        Whether the probe can count who waits for the GIL (not with musl).
    run_queue_clock : bool
        Whether the scheduler tells the run-queue delay.
    topology : bool
        Whether the system tells which CPUs share a core.
    """

    cpus: int = 2
    cores: int = 0
    smt_yield: float = 1.25
    turbo: float = 1.0
    bandwidth: float = 0.0
    cache: float = 0.0
    node_cpus: int = 0
    remote: float = 1.0
    quota: float = 0.0
    steal: float = 0.0
    steal_elsewhere: float = 0.0
    neighbours: int = 0
    neighbour_on_s: float = 1.0
    neighbour_off_s: float = 1.0
    drift: float = 0.0
    noise: float = 0.0
    noise_s: float = 1.0
    bursts_per_s: float = 0.0
    burst_s: float = 0.2
    burst: float = 1.5
    sibling: float = 1.0
    sibling_on_s: float = 0.1
    sibling_off_s: float = 0.2
    jitter: float = 0.004
    wake_s: float = 5e-6
    waiters: bool = True
    run_queue_clock: bool = True
    topology: bool = True

    def speed(self, active: int, smt_yield: float = 0.0) -> float:
        """Return what one of so many busy CPUs does, of one that is alone, if not for code of another SMT yield."""
        cores = self.cores or self.cpus
        busy, twice = min(active, cores), max(0, min(active, 2 * cores) - cores)
        slower = (1.0 - 1.0 / self.turbo) * (busy - 1) / (cores - 1) if cores > 1 else 0.0
        return (1.0 - slower) * (busy - twice + twice * (smt_yield or self.smt_yield)) / (busy + twice)

    @property
    def usable(self) -> int:
        """CPUs that the program may use, as the tool counts them."""
        return min(self.cpus, max(1, int(self.quota))) if self.quota else self.cpus


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What one call does when it is alone. Shares are of its time.

    Parameters
    ----------
    call_s : float
    gil, gil_c : float
        Shares under the GIL: in byte code, which hands it over when asked, and in C, which keeps it.
    hold_s : float
        How long C code keeps the GIL at a time.
    lock : float
        Share under one lock that all workers share.
    sleep : float
        Share asleep.
    memory : float
        Share that moves memory.
    working_set, misses : float
        Working set of a worker in units of ``Machine.cache``; relative cost of a cache that holds none of it.
    contention : float
        Relative growth of the CPU time with every further worker.
    imbalance : float
        By how much the busiest worker exceeds the mean, always the same worker.
    uneven : float
        The same, but another worker in every phase.
    phases : int
        Barriers of one execution.
    barrier_s, combine_s, dispatch_s : float
        Price of one barrier; combining by the parent after an execution; handing one message to a worker (pickled
        transport only).
    faults, faults_workers : float
        Time in page faults on top of the call: on one thread, and in workers.
    grows : float
        Relative growth of a call with every call of the same worker before it.
    threads : int
        Threads of its libraries that every call uses.
    smt_yield : float
        Its own, where code like this gains more or less by SMT than arithmetic does; 0: that of the machine.
    """

    call_s: float = 0.004
    gil: float = 0.0
    gil_c: float = 0.0
    hold_s: float = 0.02
    lock: float = 0.0
    sleep: float = 0.0
    memory: float = 0.0
    working_set: float = 0.0
    misses: float = 0.0
    contention: float = 0.0
    imbalance: float = 0.0
    uneven: float = 0.0
    phases: int = 1
    barrier_s: float = 0.0
    combine_s: float = 0.0
    dispatch_s: float = 0.0
    faults: float = 0.0
    faults_workers: float = 0.0
    grows: float = 0.0
    threads: int = 1
    smt_yield: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A machine, a program on it, and how the tool is asked.

    Parameters
    ----------
    name, machine_family, cause : str
        Words for tables; nothing follows from them.
    executor : {"threads", "processes"}
    transport : {"shm", "pickle"}
        ``pickle`` for processes only.
    """

    name: str = ""
    machine_family: str = ""
    cause: str = ""
    seed: int = 1
    workers: int = 2
    executor: Literal["threads", "processes"] = "threads"
    transport: Literal["shm", "pickle"] = "shm"
    budget_s: float = 30.0
    machine: Machine = field(default_factory=Machine)
    program: Program = field(default_factory=Program)

    def __post_init__(self) -> None:
        program = self.program
        shares = program.gil + program.gil_c + program.lock + program.sleep
        _demand(shares <= 1.0 + 1e-9, "program: gil + gil_c + lock + sleep", shares, "at most 1")
        _demand(self.transport == "shm" or self.executor == "processes", "transport", self.transport, "shm for threads")
        _demand(2 <= self.workers <= MOST_WORKERS, "workers", self.workers, f"2 to {MOST_WORKERS}")
        _demand(self.machine.cores in (0, self.machine.cpus, self.machine.cpus // 2), "machine.cores",
                self.machine.cores, "0, cpus or cpus / 2")  # fmt: skip


_FROM_ONE = ("cpus", "phases", "threads", "turbo", "smt_yield", "remote", "burst")
_ABOVE_ZERO = (
    "call_s",
    "hold_s",
    "budget_s",
    "neighbour_on_s",
    "neighbour_off_s",
    "noise_s",
    "burst_s",
    "wake_s",
)
_MOST = {
    "cpus": 4096,
    "cores": 4096,
    "node_cpus": 4096,
    "quota": 4096,
    "steal_elsewhere": 4096,
    "bandwidth": 4096,
    "cache": 4096,
    "workers": MOST_WORKERS,
    "neighbours": 1000,
    "threads": 1000,
    "phases": 10_000,
    "budget_s": 3600,
    "noise": 1,
    "jitter": 1,
    "seed": 2**31,
}
"""Largest values; 100 for all others: a file must not keep the player busy for ever."""
_LEAST = {"quota": 0.05, "bandwidth": 0.01, "cache": 0.01}  # where they are not 0
_SHARES = ("gil", "gil_c", "lock", "sleep", "memory", "steal", "imbalance", "uneven")
_ANY_SIGN = ("drift",)


def _demand(holds: bool, what: str, value: object, wanted: str) -> None:
    if not holds:
        raise WorldError(f"{what} is {value!r}: it must be {wanted}")


def to_json(world: World) -> str:
    """Return a world as JSON text; what is as usual is left out."""
    usual = asdict(World())
    values = {name: value for name, value in asdict(world).items() if name in ("name", "seed") or value != usual[name]}
    for part in ("machine", "program"):
        own = {name: value for name, value in asdict(world)[part].items() if value != usual[part][name]}
        values[part] = own
    return json.dumps(values, indent=2) + "\n"


def load(path: Path) -> World:
    """Read a file of one world.

    Raises
    ------
    WorldError
        If it cannot be read, or is not a world.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise WorldError(f"{path}: cannot be read: {error}") from None
    try:
        return from_json(text)
    except WorldError as error:
        raise WorldError(f"{path}: {error}") from None


def from_json(text: str) -> World:
    """Read a world; unknown keys and values of other types are errors."""
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise WorldError(f"not JSON: {error}") from None
    known = dict(_mapping(values, "a world"))
    machine = _read(Machine, _mapping(known.pop("machine", {}), "machine"), "machine.")
    program = _read(Program, _mapping(known.pop("program", {}), "program"), "program.")
    world: World = _read(World, known, "", machine=machine, program=program)
    return world


def _mapping(value: object, what: str) -> Mapping[str, Any]:
    _demand(isinstance(value, dict), what, value, "an object of names and values")
    assert isinstance(value, dict)
    return value


def _read(kind: type[Any], values: Mapping[str, Any], prefix: str, **parts: Any) -> Any:
    own: dict[str, Field[Any]] = {one.name: one for one in fields(kind) if one.default is not MISSING}
    types = get_type_hints(kind)
    for name, value in values.items():
        if name not in own:
            raise WorldError(f"{prefix}{name} is not known: use one of {', '.join(own)}")
        _check(prefix + name, name, value, types[name])
    return kind(**values, **parts)


def _check(what: str, name: str, value: object, kind: Any) -> None:
    choices = get_args(kind)
    if choices or kind is str or kind is bool:
        wanted = f"one of {', '.join(choices)}" if choices else {str: "a text", bool: "true or false"}[kind]
        _demand(value in choices if choices else isinstance(value, kind), what, value, wanted)
        return
    number = isinstance(value, int) or (kind is float and isinstance(value, float))
    _demand(number and not isinstance(value, bool), what, value, "a whole number" if kind is int else "a number")
    assert isinstance(value, int | float)
    most = _MOST.get(name, 100)
    _demand(math.isfinite(value) and abs(value) <= most, what, value, f"finite, at most {most}")
    if name in _FROM_ONE:
        _demand(value >= 1, what, value, "1 or more")
    elif name in _ABOVE_ZERO:
        _demand(value > 0, what, value, "above 0")
    elif name not in _ANY_SIGN:
        least = _LEAST.get(name, 0.0)
        _demand(value == 0 or value >= least, what, value, f"0, or {least} or more")
    if name in _SHARES:
        _demand(value <= 1, what, value, "a share, at most 1")
