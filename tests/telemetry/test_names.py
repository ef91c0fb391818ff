"""Thread names survive their threads."""

from __future__ import annotations

import threading

from gilscope.telemetry.names import ThreadNames


def run(name: str) -> int:
    thread = threading.Thread(target=int, name=name)
    thread.start()
    thread.join()
    assert thread.native_id is not None
    return thread.native_id


def test_threads_that_came_and_went_are_remembered() -> None:
    names = ThreadNames()
    names.start()
    native_id = run("short")
    names.stop()
    assert names.by_native_id[native_id] == "short"
    assert names.by_native_id[threading.main_thread().native_id or 0] == "MainThread"


def test_threads_started_outside_are_not() -> None:
    names = ThreadNames()
    names.start()
    names.stop()
    names.stop()
    assert run("late") not in names.by_native_id


def test_the_wrapper_goes_with_the_last_watcher() -> None:
    before = threading.Thread.start
    first, second = ThreadNames(), ThreadNames()
    first.start()
    second.start()
    first.stop()
    native_id = run("for the second")
    second.stop()
    assert native_id in second.by_native_id
    assert native_id not in first.by_native_id
    assert threading.Thread.start is before


def test_a_wrapper_put_on_top_of_ours_is_left_alone() -> None:
    before = threading.Thread.start
    names = ThreadNames()
    names.start()
    ours = threading.Thread.start

    def theirs(self: threading.Thread) -> None:
        ours(self)

    threading.Thread.start = theirs  # type: ignore[method-assign]
    try:
        names.stop()
        assert threading.Thread.start is theirs
        run("still starts")
    finally:
        threading.Thread.start = before  # type: ignore[method-assign]


def test_a_new_name_is_taken_at_the_end() -> None:
    names = ThreadNames()
    names.start()
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait, name="before")
    thread.start()
    thread.name = "after"
    names.stop()
    stop.set()
    thread.join()
    assert names.by_native_id[thread.native_id or 0] == "after"
