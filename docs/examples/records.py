"""Two functions of the same records: one parses and hashes, the other computes in Python alone."""

import hashlib
import json


def make():
    """Return the arguments of a call: a record of 300 fields, and 4 MiB."""
    return json.dumps({f"field{number}": number for number in range(300)}), bytes(4 << 20)


def check(text, data):
    """Parse a record under the GIL, twenty times; hash the data without it."""
    for _ in range(20):
        json.loads(text)
    return hashlib.sha256(data).hexdigest()


def total(text, data):
    """Add up the numbers of a record: Python alone, a short call."""
    return sum(json.loads(text).values())
