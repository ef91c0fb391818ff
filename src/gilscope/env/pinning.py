"""Which CPU each worker is bound to, and what it shares with others there."""

import itertools
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from gilscope.core.errors import UsageError
from gilscope.env.cpu import core_groups
from gilscope.env.files import cpu_folders


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a worker runs."""

    cpu: int
    node: int | None  # of NUMA; None where the system does not say
    siblings: tuple[int, ...]  # the other CPUs of the same core, usable or not


def can_bind() -> bool:
    """Whether this system binds threads to CPUs."""
    return hasattr(os, "sched_setaffinity")


def places(pin: str, root: Path = Path("/")) -> tuple[Place, ...]:
    """Return the usable CPUs in the order in which workers get them; empty for ``none``.

    ``cores``: one thread of each core first, in the order of their first CPU; ``smt``: all threads of a core before the
    next. Raises UsageError on systems that cannot bind threads.
    """
    if pin == "none":
        return ()
    if not can_bind():
        raise UsageError(f"pin {pin!r}: this system cannot bind threads to CPUs; leave --pin out")
    allowed = os.sched_getaffinity(0)
    groups = {cpu: group for group in core_groups(root) for cpu in group}
    cores = sorted({groups.get(cpu, (cpu,)) for cpu in allowed})
    usable = [[cpu for cpu in core if cpu in allowed] for core in cores]
    if pin == "smt":
        order: Iterable[int] = itertools.chain.from_iterable(usable)
    else:
        rounds = itertools.zip_longest(*usable)
        order = (cpu for once in rounds for cpu in once if cpu is not None)
    folders = cpu_folders(root)
    return tuple(
        Place(
            cpu=cpu,
            node=_node(folders[cpu]) if cpu in folders else None,
            siblings=tuple(other for other in groups.get(cpu, ()) if other != cpu),
        )
        for cpu in order
    )


def _node(folder: Path) -> int | None:
    """Return the NUMA node of a CPU: its folder has a link named after it."""
    try:
        names = [entry.name for entry in folder.iterdir()]
    except OSError:
        return None
    return next((int(name[4:]) for name in names if name.startswith("node") and name[4:].isdigit()), None)
