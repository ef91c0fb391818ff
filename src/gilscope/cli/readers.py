"""How the texts of options are read: on the command line and in ``[tool.gilscope]`` alike.

A reader takes a text and returns a value, or raises a UsageError of one line that says how to write it. Heavier imports
are inside the readers that need them: the table of options is loaded at every start.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial

from gilscope.cli.engines import executors_or_engines
from gilscope.core.errors import UsageError
from gilscope.core.registry import EXECUTORS, KERNELS, PINS, PROBES, REFERENCES, SIZES, check_names
from gilscope.core.units import parse_bytes, parse_duration_s, parse_fraction

MAX_WORKERS = 1024  # more processes than any one machine is given CPUs; a slip of the finger should not start 100000
MAX_CHUNKS_PER_WORKER = 4096  # beyond this a chunk of every kernel is smaller than what it costs to hand it out
MAX_TASKS = 2**40  # years of the shortest function there is
MAX_CALLS = 10_000  # a picture of more is a block of colour
MAX_PREDICTED = 4096  # beyond, a machine is a cluster
MAX_SEED = 2**63 - 1  # fits the random generator and every JSON reader

TRACE_FORMATS = ("text", "svg", "html", "mermaid", "perfetto", "json")

_UNITS = {"": 0, "k": 10, "m": 20, "g": 30}
_MOST_BYTES = 1 << 40  # more than any transfer of one piece is good for


def _split(what: str, text: str) -> tuple[str, ...]:
    parts = tuple(word.strip() for word in text.split(",") if word.strip())
    if not parts:
        raise UsageError(f"no {what} in {text!r}: write them with commas, without spaces, like a,b")
    return parts


def names(what: str, known: Sequence[str]) -> Callable[[str], tuple[str, ...]]:
    """Return the reader of a comma-separated list of known names."""
    return lambda text: check_names(what, _split(what, text), known)


def one_of(what: str, known: Sequence[str]) -> Callable[[str], str]:
    """Return the reader of one known word."""
    return lambda text: check_names(what, (text.strip(),), known)[0]


def whole(what: str, least: int, most: int, example: str) -> Callable[[str], int]:
    """Return the reader of a whole number between ``least`` and ``most``."""

    def read(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise UsageError(f"{what} {text!r} is not a whole number: write it like {example}") from None
        if not least <= value <= most:
            raise UsageError(f"{what} {text!r} must be between {least} and {most}: write it like {example}")
        return value

    return read


block = whole("block", 0, MAX_SEED, "3")
traced_workers = whole("workers", 1, MAX_WORKERS, "2")
chunks = whole("chunks", 1, MAX_CHUNKS_PER_WORKER, "4")
seed = whole("seed", 0, MAX_SEED, "1")
tasks = whole("tasks", 1, MAX_TASKS, "64")
calls = whole("calls", 1, MAX_CALLS, "8")
budget = partial(parse_duration_s, what="budget")
timeout = partial(parse_duration_s, what="timeout")
task = partial(parse_duration_s, what="task", example="40us, 2ms or 1s")
precision = partial(parse_fraction, what="precision")
memory_limit = partial(parse_bytes, what="memory-limit")
cpus = whole("cpus", 1, MAX_PREDICTED, "16")
metg_executors = executors_or_engines((*EXECUTORS, *REFERENCES))


def predicted_workers(text: str) -> tuple[int, ...]:
    """Read worker counts to predict: more than can be started here."""
    count = whole("workers", 1, MAX_PREDICTED, "4,16,64")
    return tuple(sorted({count(word) for word in _split("worker count", text)}))


def changes(text: str) -> tuple[object, ...]:
    """Read changes of demands; ``analysis.predict.whatif.Change`` each."""
    from gilscope.analysis.predict.whatif import read_change

    return tuple(map(read_change, _split("change", text)))


def kernels(text: str) -> tuple[str, ...]:
    """Read kernel names; those of other packages are looked up only when one is not ours."""
    parts = _split("kernel", text)
    if set(parts) <= {*KERNELS, *PROBES}:
        return parts
    own = next((part for part in parts if ":" in part or part.endswith(".py")), "")
    if own:
        function = own if ":" in own else f"{own}:FUNCTION"
        raise UsageError(f"{own!r} is not a kernel; for a function of your own: gilscope profile {function}")
    from gilscope.kernels import foreign

    check_names("kernel", [word for word in parts if word not in PROBES], (*KERNELS, *foreign()))
    return parts


def startup_kinds(text: str) -> tuple[str, ...]:
    """Read what ``gilscope startup`` starts."""
    from gilscope.studies.startup import KINDS

    return executors_or_engines(KINDS)(text)


def trace_executors(text: str) -> tuple[str, ...]:
    """Read the executors that a function is traced under."""
    from gilscope.studies.traced import TRACED_EXECUTORS

    return names("executor", TRACED_EXECUTORS)(text)


def workers(text: str) -> tuple[int, ...]:
    """Read worker counts, smallest first, each once."""
    read = whole("workers", 1, MAX_WORKERS, "1,2,4")
    return tuple(sorted({read(word) for word in _split("worker count", text)}))


def most_workers(text: str) -> int:
    """Read one worker count: the largest, where the settings have several."""
    return max(workers(text))


def size(text: str) -> str:
    """Read a problem size, in any case."""
    return check_names("size", (text.strip().upper(),), SIZES)[0]


def pin(text: str) -> str:
    """Read how workers are bound to CPUs; refused where threads cannot be."""
    from gilscope.env.pinning import places

    word = one_of("pin", PINS)(text)
    places(word)
    return word


def address(text: str) -> str:
    """Read the address of a scheduler."""
    if not re.fullmatch(r"[a-z]+://[^/\s]+:\d+", text):
        raise UsageError(f"dask-scheduler {text!r} is not an address: write it like tcp://127.0.0.1:8786")
    return text


def parse_sizes(text: str) -> tuple[int, ...]:
    """Read ``1KiB,1MiB,1G`` as bytes, smallest first, each once; prefixes are binary."""
    found = set()
    for word in filter(None, map(str.strip, text.split(","))):
        match = re.fullmatch(r"(\d{1,15})\s*([kmg]?)(?:i?b)?", word.lower(), re.ASCII)
        nbytes = int(match[1]) << _UNITS[match[2]] if match else 0
        if not 1 <= nbytes <= _MOST_BYTES:
            raise UsageError(
                f"size {word!r} is not a number of bytes from 1 to 1024GiB: write sizes like 1KiB,1MiB,1GiB"
            )
        found.add(nbytes)
    if not found:
        raise UsageError(f"no size in {text!r}: write sizes like 1KiB,1MiB,1GiB")
    return tuple(sorted(found))
