"""Two threads that count in byte code, or hash in C: ``python busy_threads.py count|hash``."""

import hashlib
import sys
import threading
import time

SECONDS = 1.5
BLOCK = bytes(4_000_000)


def count() -> None:
    """Compute in byte code, which needs the GIL."""
    for number in range(10_000):
        number * number


def digest() -> None:
    """Compute in C, which releases the GIL for a block of this size."""
    hashlib.sha256(BLOCK)


def work(step) -> None:
    """Repeat a step for some time."""
    end = time.perf_counter() + SECONDS
    while time.perf_counter() < end:
        step()


step = {"count": count, "hash": digest}[sys.argv[1]]
time.sleep(0.2)  # as if something were read first
threads = [threading.Thread(target=work, args=[step], name=f"worker {number}") for number in (1, 2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print("done")
