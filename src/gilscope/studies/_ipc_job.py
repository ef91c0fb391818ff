"""One job in a process started for it, and where its time goes. Standard library only: the process imports this."""

import importlib
import itertools
import multiprocessing
import pickle
import zlib
from typing import Any, Literal, TypeAlias, get_args

from gilscope.core import clocks
from gilscope.core.errors import MeasurementError

Stage: TypeAlias = Literal["pickle", "start", "import", "transfer", "unpickle", "compute", "return", "tear_down"]
STAGES: tuple[Stage, ...] = get_args(Stage)
"""In the order in which they follow each other without a gap."""


def one_job(start_method: str, nbytes: int, module: str) -> dict[str, Any]:
    """Have a process compute a checksum of ``nbytes`` bytes; return the seconds of each stage.

    The job imports ``module`` unless it is empty. Raises MeasurementError if the result is wrong.
    """
    if module:  # imported here too, as in a program that uses it
        importlib.import_module(module)
    data = bytes(range(256)) * (nbytes // 256)
    context: Any = multiprocessing.get_context(start_method)
    ours, theirs = context.Pipe()
    stamps = [clocks.wall_ns()]
    pickled = pickle.dumps(data, protocol=5)
    stamps.append(clocks.wall_ns())
    process = context.Process(target=job, args=(theirs, module), daemon=True)
    process.start()
    theirs.close()
    ours.send_bytes(pickled)
    child, result = pickle.loads(ours.recv_bytes())
    returned_ns = clocks.wall_ns()
    process.join()
    stamps += [*child, returned_ns, clocks.wall_ns()]
    ours.close()
    if result != zlib.crc32(data):
        raise MeasurementError(f"the job under {start_method} returned {result!r}, which is wrong")
    spent = [(after - before) / 1e9 for before, after in itertools.pairwise(stamps)]
    return {"stages_s": dict(zip(STAGES, spent, strict=True)), "total_s": (stamps[-1] - stamps[0]) / 1e9}


def job(connection: Any, module: str) -> None:
    """Import, receive, compute and reply, with the time after each."""
    stamps = [clocks.wall_ns()]
    if module:
        importlib.import_module(module)
    stamps.append(clocks.wall_ns())
    pickled = connection.recv_bytes()
    stamps.append(clocks.wall_ns())
    data = pickle.loads(pickled)
    stamps.append(clocks.wall_ns())
    result = zlib.crc32(data)
    stamps.append(clocks.wall_ns())
    connection.send_bytes(pickle.dumps((stamps, result)))
    connection.close()
