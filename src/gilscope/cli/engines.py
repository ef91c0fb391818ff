"""Engines that are not ours, on the command line: read their names, and try each out before anything is measured."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence

from gilscope.core.errors import UsageError
from gilscope.core.registry import EXECUTORS, check_executors, is_engine

_TIMEOUT_S = 120.0  # as for a start of ``gilscope startup``
_TRY = """
def reply(executor, workers):
    from gilscope.executors import _engine
    return _engine.problem(executor, workers)
"""


def executors_or_engines(known: Sequence[str] = EXECUTORS) -> Callable[[str], tuple[str, ...]]:
    """Return the reader of executors: of ours by name, of others as ``futures:pkg.module:factory`` or by name."""

    def read(text: str) -> tuple[str, ...]:
        words = [word.strip() for word in text.split(",") if word.strip()]
        if not words:
            raise UsageError(f"no executor in {text!r}: write them with commas, without spaces, like a,b")
        if unknown := [word for word in words if word not in known and not is_engine(word)]:
            words = _with_engines(words, unknown)
        return check_executors(words, known)

    return read


def _with_engines(words: Sequence[str], unknown: Sequence[str]) -> list[str]:
    from gilscope.executors._engines import known

    if wrong := [word for word in unknown if word.startswith("futures")]:
        raise UsageError(f"executor {wrong[0]!r}: write it like futures:pkg.module:factory")
    engines = known()
    return [f"futures:{word}" if word in unknown and word in engines else word for word in words]


def check_engines(executors: Iterable[str], workers: Collection[int], python: str = "") -> None:
    """Start and end each engine in a process of its own; UsageError says what is wrong with one."""
    import sys

    from gilscope.env.child import NoReplyError, reply

    for executor in filter(is_engine, executors):
        for count in sorted({min(workers, key=lambda count: (count < 2, count)), max(workers)}):
            try:
                reason, cure = reply(_TRY, executor, count, timeout_s=_TIMEOUT_S, python=python or sys.executable)
            except NoReplyError as error:
                reason, cure = f"{executor} could not be tried out: {error}", ""
            if reason:
                raise UsageError(f"{reason}; {cure}" if cure else reason)
