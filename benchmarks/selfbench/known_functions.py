"""Functions of the standard library whose behaviour on two threads is known: what `functions` profiles.

``PARTS`` has the two parts of those that hold the GIL for a part of the time, so that the share can be timed.
"""

from __future__ import annotations

import bz2
import hashlib
import json
import lzma
import os
import pickle
import random
import re
import threading
import time
import zlib
from collections.abc import Callable
from functools import partial
from typing import Any

_RANDOM = random.Random(1)

_NUMBERS = [_RANDOM.random() for _ in range(100_000)]
_RECORDS = [{"id": number, "name": f"record {number}", "value": number / 7} for number in range(7_500)]
_TEXT = json.dumps(_RECORDS).encode()
_NOISE = memoryview(_RANDOM.randbytes(4 << 20))
_PACKED = lzma.compress(_NOISE[: 75 << 10].hex().encode())
_WORDS = " ".join(_RANDOM.choices(("lorem", "ipsum", "dolor", "sit", "amet"), k=400_000))


# What holds the GIL, and what releases it


def _dump_json() -> str:
    return json.dumps(_RECORDS[:5_000])


def _deflate() -> bytes:
    return zlib.compress(_TEXT, 6)


def _pickle() -> None:
    for first in range(0, 70_000, 5_000):  # in pieces whose memory is kept
        pickle.dumps(_NUMBERS[first : first + 5_000])


def _sha256_short() -> str:
    return hashlib.sha256(_NOISE[: 1 << 20]).hexdigest()


def _sha256_long() -> str:
    return "".join(hashlib.sha256(_NOISE).hexdigest() for _ in range(2))


def count() -> int:
    """Count in byte code."""
    total = 0
    for number in range(300_000):
        total ^= number
    return total


def _derive_key() -> bytes:
    return hashlib.pbkdf2_hmac("sha256", b"password", b"salt", 20_000)


def _search() -> Any:
    return re.search("absent", _WORDS[:1_200_000])


def _unpack() -> bytes:
    return lzma.decompress(_PACKED)


def _sleep() -> None:
    time.sleep(0.004)


# Held for a part of the time


def dump_then_deflate() -> None:
    """Write JSON, compress bytes."""
    _dump_json()
    _deflate()


def pickle_then_hash() -> None:
    """Pickle floats, hash bytes."""
    _pickle()
    _sha256_short()


def count_then_derive() -> None:
    """Count in byte code, derive a key."""
    count()
    _derive_key()


def search_then_hash() -> None:
    """Search a text, hash bytes for longer."""
    _search()
    _sha256_long()


def count_then_unpack() -> None:
    """Count in byte code, decompress."""
    count()
    _unpack()


def count_then_sleep() -> None:
    """Count in byte code, sleep."""
    count()
    _sleep()


PARTS: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
    "dump_then_deflate": (_dump_json, _deflate),
    "pickle_then_hash": (_pickle, _sha256_short),
    "count_then_derive": (count, _derive_key),
    "search_then_hash": (_search, _sha256_long),
    "count_then_unpack": (count, _unpack),
    "count_then_sleep": (count, _sleep),
}
"""By function: the part that holds the GIL and the part that releases it."""


# Locks

_HASH = hashlib.sha256()
_COMPRESSOR = bz2.BZ2Compressor(1)
_LOCK = threading.Lock()


def update_shared_hash() -> None:
    """Add to one hash object of the process, whose lock is held meanwhile."""
    _HASH.update(_NOISE)


def compress_shared() -> None:
    """Add a block to one compressor of the process, whose lock is held meanwhile."""
    _COMPRESSOR.compress(_NOISE[:99_981])  # as much as one block of level 1 holds: all calls do the same


def three_quarters_locked() -> None:
    """Derive four keys, three of them with a lock held."""
    with _LOCK:
        hashlib.pbkdf2_hmac("sha256", b"password", b"salt", 27_000)
    hashlib.pbkdf2_hmac("sha256", b"password", b"salt", 9_000)


# Input and output

_ZEROS = os.open("/dev/zero", os.O_RDONLY) if os.path.exists("/dev/zero") else -1


def buffer() -> tuple[list[bytearray]]:
    """Make what `read_zeros` reads into."""
    return ([bytearray(256 << 10)],)


def read_zeros(into: list[bytearray]) -> None:
    """Read from a device; the system call clears the memory."""
    for _ in range(500):
        os.preadv(_ZEROS, into, 0)


def _read_nothing() -> None:
    read_zeros([])


# The second part has the first in it, so that the share is low by its square.
PARTS["read_zeros"] = (_read_nothing, partial(read_zeros, *buffer()))


# Arguments


def nested_lists() -> tuple[list[list[int]]]:
    """Make what `copy.deepcopy` copies."""
    return ([[*range(20)] for _ in range(500)],)


def numbers() -> tuple[list[float]]:
    """Make what is sorted, or averaged."""
    return (list(_NUMBERS),)


def few_numbers() -> tuple[list[float]]:
    """Make what `statistics.variance` takes some milliseconds for."""
    return (_NUMBERS[:10_000],)


def json_text() -> tuple[str]:
    """Make what `json.loads` takes some milliseconds for."""
    return (json.dumps(_RECORDS[:2_500]),)


def absent_pattern() -> tuple[str, str]:
    """Make what `re.findall` takes tens of milliseconds for, and finds nothing in."""
    return ("[a-z]+ absent", _WORDS)


def noise() -> tuple[bytes]:
    """Make what is compressed."""
    return (bytes(_NOISE[: 1 << 20]),)
