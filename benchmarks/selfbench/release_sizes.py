"""Is the size found from which a function releases the GIL? Functions whose source or documentation names it.

``python -m benchmarks.selfbench.release_sizes [--table FILE] [CALL...]``

Prints for each the size it releases from as named there and as found by ``gilscope audit --call ... --n auto``. Exit
status 1 when one is missed, found elsewhere by more than a tenth, or undecided: the trace needs two CPUs to itself.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gilscope.studies.audit.calls import AuditedCall, measure_call

TOLERANCE = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Documented:
    """A call, the first size at which it releases the GIL, and where that is written."""

    call: str
    first: int
    source: str


_HASHLIB = "hashlib: 'data larger than 2047 bytes' (docs.python.org/3/library/hashlib.html)"
_CHECKSUMS = "len > 1024*5, Modules/{}.c of CPython"
_UFUNC = "NPY_BEGIN_THREADS_THRESHOLDED, more than 500 elements (numpy/ndarraytypes.h)"

_HASHES = ("md5", "sha1", "sha256", "sha512", "sha3_256", "blake2b", "blake2s")

KNOWN = (
    *(Documented(call=f"hashlib.{name}(bytes({{n}}))", first=2048, source=_HASHLIB) for name in _HASHES),
    Documented(call="zlib.crc32(bytes({n}))", first=5121, source=_CHECKSUMS.format("zlibmodule")),
    Documented(call="zlib.adler32(bytes({n}))", first=5121, source=_CHECKSUMS.format("zlibmodule")),
    Documented(call="binascii.crc32(bytes({n}))", first=5121, source=_CHECKSUMS.format("binascii")),
    Documented(call="numpy.sqrt(numpy.ones({n}))", first=501, source=_UFUNC),
    Documented(call="numpy.add(numpy.ones({n}), 1.0)", first=501, source=_UFUNC),
    Documented(call="numpy.multiply(numpy.ones({n}), numpy.ones({n}))", first=501, source=_UFUNC),
)


def complaint(known: Documented, row: AuditedCall) -> str:
    """Return what is wrong with what was found, or an empty text."""
    if row.reason:
        return row.reason
    if len(row.changes) != 1 or not row.changes[0].releases:
        return "undecided" if not row.decided else f"{len(row.changes)} changes"
    [found] = row.changes
    if not found.last < (1 + TOLERANCE) * known.first or found.first < (1 - TOLERANCE) * known.first:
        return "elsewhere"
    return "" if found.first - found.last <= TOLERANCE * known.first + 1 else "undecided"


def main(words: Sequence[str]) -> int:
    """Look at all functions, or at those named; print a table, and write it to the file asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", metavar="FILE", type=Path)
    parser.add_argument("calls", nargs="*", metavar="CALL", help="as hashlib.md5; all by default")
    options = parser.parse_args(words)
    lines = ["| call | named | found | wrong | source |", "|---|---|---|---|---|"]
    print("\n".join(lines))
    wrong = 0
    for known in KNOWN:
        if options.calls and known.call.partition("(")[0] not in options.calls:
            continue
        row = measure_call(known.call, sizes=())
        found = ", ".join(f"{change.last + 1} to {change.first}" for change in row.changes)
        why = complaint(known, row)
        wrong += bool(why)
        lines.append(f"| `{known.call}` | {known.first} | {found} | {why or '-'} | {known.source} |")
        print(lines[-1], flush=True)
    print(f"\n{wrong} wrong")
    if options.table:
        options.table.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
