"""Coverage-guided fuzzing of what reads files and words: ``make fuzz``, or ``python -m tests.faults.atheris_readers``.

Atheris changes an input where that reaches code no input has reached before; half of the changes are those of
``mutations``, which keep JSON whole. It ends at the first input that is neither read nor refused by an error of ours,
that takes longer than ``--limit`` seconds or more memory than ``MEMORY_MB``; that input is kept in ``--folder``, as are
the inputs that reached most, with which the next run begins.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import random
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

try:
    import atheris
except ImportError:
    raise SystemExit("fuzzing needs Atheris, which comes for Linux on x86-64: pip install 'gilscope[fuzz]'") from None

with atheris.instrument_imports(include=["gilscope"]):
    from gilscope.analysis import analyse
    from gilscope.analysis.to_json import to_json
    from gilscope.cli.readers import parse_sizes
    from gilscope.cli.settings import read_settings
    from gilscope.core.cases import Case
    from gilscope.core.errors import GilscopeError
    from gilscope.core.units import parse_bytes, parse_duration_s, parse_fraction
    from gilscope.env.files import parse_cpu_list
    from gilscope.profile.targets import check_target, read_argument
    from gilscope.report.sentences import verdict
    from gilscope.report.terminal import render
    from gilscope.results.codec import parse_slot
    from gilscope.results.reader import _read
    from gilscope.studies.kinds import studies_in
    from gilscope.studies.traced.rounds import choose_case, trace_of

from tests.faults.mutations import SEEDS, mutate

MEMORY_MB = 600  # half of it is the fuzzer's own tables
MAX_BYTES = 16_384  # the longest seed is shorter

_PLACE = Path("build/fuzz/place")  # main puts it into the folder asked for


def result(data: bytes) -> None:
    """Read a result, analyse and show it, and draw a round."""
    read = _read(io.BytesIO(data), "result.jsonl")
    answer = analyse(read)
    json.dumps(to_json(answer, verdict), allow_nan=False)
    render(answer, width=100, one_time=True)
    trace_of(read, choose_case(read, None))


def study(data: bytes) -> None:
    """Read the document of a study."""
    (_PLACE / "metg.json").write_bytes(data)
    studies_in(_PLACE)


def settings(data: bytes) -> None:
    """Read the settings of a project."""
    (_PLACE / "pyproject.toml").write_bytes(data)
    read_settings(_PLACE)


def _slot(text: str) -> None:
    with contextlib.suppress(ValueError):  # what the reader of results says as damage of a line
        parse_slot(text)


def words(data: bytes) -> None:
    """Read ids, quantities, lists of CPUs, targets and arguments."""
    text = data.decode("utf-8", "surrogateescape")
    parse_cpu_list(text)
    readers: Sequence[Callable[[str], object]] = (
        *(Case.parse, _slot, parse_duration_s, parse_fraction, parse_bytes, parse_sizes, read_argument),
        lambda target: check_target(target, _PLACE),
    )
    for read in readers:
        with contextlib.suppress(GilscopeError):
            read(text)


READERS: Sequence[Callable[[bytes], None]] = (result, study, settings, words)
"""The first byte of an input says which one reads the rest."""

BEGINNINGS: Sequence[tuple[Callable[[bytes], None], bytes]] = (
    *((result, path.read_bytes()) for path in sorted(SEEDS.glob("*.jsonl"))),
    (study, (SEEDS / "metg.json").read_bytes()),
    (settings, b'[tool.gilscope]\nworkers = [1, 2]\nbudget = "30s"\nstart-method = "spawn"\nprecision = 0.05\n'),
    *(
        (words, word)
        for word in (b"nbody/cy_nogil@processes.spawn.pickle.weak.dynamic*4#M~c8!3.13t+gil", b"1.5ms", b"5%")
    ),
    *(
        (words, word)
        for word in (b"1KiB,32KiB,1G", b"0-3,8", b"pkg.module:function", b"path/file.py:f", b'n={"a": [1]}')
    ),
)


def one_input(data: bytes) -> None:
    """Give an input to its reader: what it raises beside our errors ends the fuzzing."""
    if data:
        with contextlib.suppress(GilscopeError):
            READERS[data[0] % len(READERS)](data[1:])


def changed(data: bytes, max_size: int, seed: int) -> bytes:
    """Change an input as ``mutations`` does, or as the fuzzer does."""
    generator = random.Random(seed)
    if data and generator.random() < 0.5:
        return (data[:1] + mutate(data[1:], generator))[:max_size]
    found: bytes = atheris.Mutate(data, max_size)
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Fuzz for some minutes; the exit status is the fuzzer's: 0 if nothing was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--limit", type=int, default=20, help="seconds for one input")
    parser.add_argument("--folder", type=Path, default=Path("build/fuzz"))
    asked = parser.parse_args(arguments)
    corpus = asked.folder / "corpus"
    global _PLACE
    _PLACE = asked.folder / "place"
    for folder in (corpus, _PLACE):
        folder.mkdir(parents=True, exist_ok=True)
    for number, (reader, data) in enumerate(BEGINNINGS):
        (corpus / f"beginning-{number}").write_bytes(bytes([READERS.index(reader)]) + data)
    options = {
        "max_total_time": round(60 * asked.minutes),
        "timeout": asked.limit,
        "rss_limit_mb": MEMORY_MB,
        "max_len": MAX_BYTES,
        "artifact_prefix": f"{asked.folder}/found-",
        "print_final_stats": 1,
    }
    words_of = [sys.argv[0], str(corpus), *(f"-{name}={value}" for name, value in options.items())]
    atheris.Setup(words_of, one_input, custom_mutator=changed)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
