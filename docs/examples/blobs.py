"""Two functions of the same bytes: a loop in Python, and C code that releases the GIL."""

import hashlib


def make():
    """Return the arguments of a call: 128 KiB."""
    return (bytes(range(256)) * 512,)


def checksum(data):
    """Return the Adler-32, byte by byte."""
    low, high = 1, 0
    for byte in data:
        low = (low + byte) % 65521
        high = (high + low) % 65521
    return high << 16 | low


def digest(data):
    """Return the SHA-256."""
    return hashlib.sha256(data).hexdigest()
