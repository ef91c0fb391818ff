"""What the tests of the GIL probe share."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from gilscope.telemetry.gil import probe_availability


@pytest.fixture(scope="session")
def probe() -> None:
    """Skip, with its own reason, where the GIL cannot be read."""
    available = probe_availability()
    if not available.ok:
        pytest.skip(available.reason)


Body = Callable[[threading.Event], None]
Crew = Callable[..., object]


@pytest.fixture
def crew() -> Crew:
    """``with crew(body, body): ...`` runs each ``body(stop)`` in its own thread while the block runs."""

    @contextmanager
    def running(*bodies: Body) -> Iterator[None]:
        stop = threading.Event()
        threads = [threading.Thread(target=body, args=(stop,), name=f"crew-{i}") for i, body in enumerate(bodies)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            stop.set()
            for thread in threads:
                thread.join()

    return running
