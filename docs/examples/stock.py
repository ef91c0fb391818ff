"""A function that computes beside others, and then for two thirds of its time in a lock."""

import hashlib
import threading

LOCK = threading.Lock()


def make():
    """Return the arguments of a call: 4 MiB."""
    return (bytes(4 << 20),)


def reserve(data):
    """Hash half of the data, and all of it in a lock; hashing releases the GIL."""
    hashlib.sha256(memoryview(data)[: len(data) // 2])
    with LOCK:
        return hashlib.sha256(data).hexdigest()
