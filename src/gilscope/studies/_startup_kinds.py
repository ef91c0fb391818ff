"""How workers of each kind are started and ended with nothing but their own library.

``load(kind)`` imports it and returns ``start(workers) -> stop``: ``start`` returns when every worker has replied,
``stop`` when all have ended.
"""

import importlib
import importlib.util
import os
import time
from collections.abc import Callable
from typing import Any, TypeAlias

from gilscope.core.pep734 import api
from gilscope.core.registry import is_engine

Stop: TypeAlias = Callable[[], None]
Start: TypeAlias = Callable[[int], Stop]

_HOLD_BACK_S = 0.001  # a worker that has a task holds its reply back so long, so that the others get tasks too


def load(kind: str) -> Start:
    """Import what workers of a kind need; return how they are started. Processes go by their start method."""
    if is_engine(kind):
        return _engine(kind)
    return _LOADERS[kind]() if kind in _LOADERS else _processes(kind)


def _threads(inside: Callable[[Callable[[], None]], None] = lambda wait: wait()) -> Start:
    """Start threads that reply and wait, both inside ``inside(wait)``."""
    import queue
    import threading

    def start(workers: int) -> Stop:
        replies: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()
        ending = threading.Event()

        def wait() -> None:
            replies.put(None)
            ending.wait()

        def live() -> None:
            try:
                inside(wait)
            except BaseException as error:  # noqa: BLE001 - passed to the thread that waits
                replies.put(error)

        threads = [threading.Thread(target=live, daemon=True) for _ in range(workers)]
        for thread in threads:
            thread.start()
        if failed := [error for error in [replies.get() for _ in threads] if error is not None]:
            raise failed[0]

        def stop() -> None:
            ending.set()
            for thread in threads:
                thread.join()

        return stop

    return start


def _interpreters() -> Start:
    pep734 = api()

    def inside(wait: Callable[[], None]) -> None:
        interpreter = pep734.create()
        interpreter.exec("ready = True")
        wait()
        interpreter.close()

    return _threads(inside)


def _processes(method: str) -> Start:
    import multiprocessing

    from gilscope.studies._worker_main import process_main

    context: Any = multiprocessing.get_context(method)

    def start(workers: int) -> Stop:
        started = []
        for _ in range(workers):
            ours, theirs = context.Pipe()
            process = context.Process(target=process_main, args=(theirs,), daemon=True)
            process.start()
            theirs.close()
            started.append((process, ours))
        for _, ours in started:
            ours.recv_bytes()

        def stop() -> None:
            for _, ours in started:
                ours.send_bytes(b"end")
            for process, ours in started:
                process.join()
                ours.close()

        return stop

    return start


def _loky() -> Start:
    name = "loky" if importlib.util.find_spec("loky") is not None else "joblib.externals.loky"  # joblib brings its own
    loky: Any = importlib.import_module(name)

    def start(workers: int) -> Stop:
        pool = loky.get_reusable_executor(max_workers=workers)
        pids: set[int] = set()
        while len(pids) < workers:
            pids.update(future.result() for future in [pool.submit(_pid) for _ in range(workers)])
        return lambda: pool.shutdown(wait=True)

    return start


def _pid() -> int:
    time.sleep(_HOLD_BACK_S)
    return os.getpid()


def _dask() -> Start:
    distributed: Any = importlib.import_module("distributed")

    def start(workers: int) -> Stop:
        cluster = distributed.LocalCluster(
            n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=50
        )
        client = distributed.Client(cluster)
        client.wait_for_workers(workers)
        client.run(os.getpid)

        def stop() -> None:
            client.close()
            cluster.close()

        return stop

    return start


def _engine(name: str) -> Start:
    from gilscope.executors._engine import factory_of, started

    factory = factory_of(name)
    return lambda workers: started(name, factory, workers).shutdown


_LOADERS = {"threads": _threads, "interpreters": _interpreters, "loky": _loky, "dask": _dask}
