"""Held and blame by function and line, beside what the programs know themselves: in this process and attached."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from gilscope.telemetry.attach import AttachedMonitor
from gilscope.telemetry.gil import GilMonitor, part_reason
from gilscope.telemetry.stacks import HOLDS, WAITS_GIL, Stack, Stacks, by_line
from tests.telemetry import loads

pytestmark = [pytest.mark.measuring, pytest.mark.usefixtures("probe")]

RATE_HZ = 1000.0
WINDOW_S = 2.0
CLOSE = 0.05
TRIES = 3  # byte code knows the CPU time it had, and on crowded CPUs it also holds the GIL without one


@dataclass(frozen=True)
class Measured:
    """What the probe saw while a load ran, and what the load knew."""

    stacks: Stacks
    waiting: float
    known: dict[str, float]


def here(name: str) -> Measured:
    with loads.Running(name) as running:
        time.sleep(0.1)
        before = dict(running.known)
        with GilMonitor(RATE_HZ, lines=True) as gil:
            time.sleep(WINDOW_S)
        after = dict(running.known)
    assert gil.stacks is not None, gil.stacks_reason
    assert gil.waiting is not None, gil.waiting_reason
    return Measured(gil.stacks, gil.waiting.value, {key: after[key] - before.get(key, 0.0) for key in after})


def attached(name: str) -> Measured:
    command = [sys.executable, loads.__file__, name]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.1)
        with AttachedMonitor(process.pid, RATE_HZ) as gil:
            time.sleep(WINDOW_S)
        known = json.loads(process.communicate("")[0])
    assert not gil.ended
    assert gil.stacks is not None, gil.stacks_reason
    assert gil.waiting is not None, gil.waiting_reason
    return Measured(gil.stacks, gil.waiting.value, known)


WAYS = pytest.mark.parametrize("measure", [here, attached])


@pytest.fixture(scope="module", autouse=True)
def lines() -> None:
    """Skip, with its own reason, where stacks cannot be read."""
    if reason := part_reason("lines") or part_reason("waiting"):
        pytest.skip(reason)


def function_of(stacks: Stacks, stack: Stack) -> str:
    """The innermost named function: what comprehensions and lambdas do, who wrote them did."""
    return stacks.frames[stack.frames[0]].function.partition(".")[0]


def shares(stacks: Stacks, names: set[str]) -> dict[str, float]:
    """Parts of the time held by the load's thread, by function."""
    held = dict.fromkeys(names, 0.0)
    for stack in stacks.stacks:
        # The other thread runs the same code as one of the functions: loads are told by who called them.
        roots = {stacks.frames[place].function for place in stack.frames}
        if stack.state == HOLDS and stack.frames and not roots.isdisjoint(loads.LOADS):
            name = function_of(stacks, stack)
            if name == "hold" and len(stack.frames) > 1:
                name = stacks.frames[stack.frames[1]].function.partition(".")[0]
            held[name] = held.get(name, 0.0) + stack.seconds
    total = sum(held.values())
    return {name: seconds / total for name, seconds in held.items()}


@WAYS
@pytest.mark.parametrize("name", sorted(loads.LOADS))
def test_each_function_held_it_for_as_long_as_it_knows(name: str, measure: Callable[[str], Measured]) -> None:
    for _ in range(TRIES):
        seen = measure(name)
        total = sum(seen.known.values())
        found = shares(seen.stacks, set(seen.known))
        assert seen.stacks.dropped <= 0.01 * seen.stacks.samples + 1
        wrong = {key: found[key] - of / total for key, of in seen.known.items() if abs(found[key] - of / total) > CLOSE}
        if not wrong:
            return
    raise AssertionError(f"{wrong} beside {seen.known}")


@WAYS
def test_blame_adds_up_to_the_threads_that_waited(measure: Callable[[str], Measured]) -> None:
    seen = measure("code_and_c")
    blamed = sum(stack.blame_s for stack in seen.stacks.stacks) / seen.stacks.window_s
    free = 1.0 - sum(stack.seconds for stack in seen.stacks.stacks if stack.state == HOLDS) / seen.stacks.window_s
    # While nobody holds it, a thread that was woken and has no CPU yet still waits, for which nobody is to blame.
    assert seen.waiting - 2 * free - CLOSE < blamed < seen.waiting + CLOSE
    waited = sum(stack.seconds for stack in seen.stacks.stacks if stack.state == WAITS_GIL) / seen.stacks.window_s
    if not seen.stacks.waits_reason:  # one that was woken and has no CPU yet is not seen to sleep: on crowded CPUs many
        assert 0.2 * seen.waiting < waited < seen.waiting + 2 * CLOSE


@WAYS
def test_a_call_that_keeps_it_is_blamed_for_the_time_the_other_thread_waits(measure: Callable[[str], Measured]) -> None:
    """One thread wants it all the time: who holds it is blamed for one waiting thread as long as it does.

    The thread that measures waits too, once, for as long as crowded CPUs keep the holder from giving it up.
    """
    found = []
    for _ in range(TRIES):
        seen = measure("code_and_c")
        calls = [
            stack
            for stack in seen.stacks.stacks
            if stack.state == HOLDS and "call_in_c" in {seen.stacks.frames[place].function for place in stack.frames}
        ]
        held, blame = sum(stack.seconds for stack in calls), sum(stack.blame_s for stack in calls)
        assert held > 0
        if abs(blame - held) <= CLOSE * seen.stacks.window_s:
            return
        found.append((held, blame))
    raise AssertionError(f"held and blamed, seconds: {found}")


@WAYS
def test_the_line_is_the_one_that_calls(measure: Callable[[str], Measured]) -> None:
    stacks = measure("one_line_in_ten").stacks
    lines: dict[int | None, float] = {}
    for stack in stacks.stacks:
        for place in stack.frames:
            if stack.state == HOLDS and stacks.frames[place].function == "one_line_in_ten":
                lines[stacks.frames[place].line] = lines.get(stacks.frames[place].line, 0.0) + stack.seconds
    assert lines[loads.SLOW_LINE] > 0.95 * sum(lines.values())
    assert by_line(stacks)[0].frame.file == loads.__file__


def test_callers_follow_their_callees() -> None:
    stacks = here("everything").stacks
    chains = {tuple(stacks.frames[place].function for place in stack.frames) for stack in stacks.stacks}
    whole = ["Running._repeat", "Thread.run", "Thread._bootstrap_inner", "Thread._bootstrap"]
    assert ("hold", "inner", "outer", "everything", *whole) in chains
    assert ("hold", "generates", "from_generator", "everything", *whole) in chains
    assert ("hold", "key", "sorts.<locals>.<lambda>", "sorts", "everything", *whole) in chains
