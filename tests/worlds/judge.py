"""The whole program on a world: what it says, and whether that is right."""

from __future__ import annotations

import math
import tempfile
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any, Literal
from unittest import mock

from gilscope import env, pipeline
from gilscope.analysis import Answer
from gilscope.core.cases import Case, Plan, Slot
from gilscope.kernels.user import Examined, Function, Request
from gilscope.measure import engine
from gilscope.measure.blocks import run_blocks
from gilscope.measure.engine import Planned
from gilscope.profile.functions import Functions, Options
from gilscope.testing import scaling
from gilscope.testing.outcome import Undecided
from tests.worlds.codes import NO_CAUSE, beside, hidden, right_codes, tolerated
from tests.worlds.draw import drawn
from tests.worlds.host import WorldHost
from tests.worlds.truth import Truth, truth_of
from tests.worlds.world import World

__all__ = ["Judged", "judge", "judge_drawn", "judge_gate", "planted_call", "played"]

Grade = Literal["right", "undecided", "wrong"]

NOTICED = 1.2
"""Growth of a call while it is measured that has to be noticed: a tenth from the first third to the last."""

NEEDED = 0.1
"""Share of p T(p) from which a cause has to be found."""

GATE, GATE_MARGIN = 0.8, 0.03
"""Relative efficiency that the gate demands, and how near to it either outcome is right."""

_ABOVE = 1.1  # S over p from which it has to be said that T(1) is slow
_GAIN, _GAIN_MARGIN = 1.1, 0.06  # as documented: from which speed-up a way gains


def planted_call() -> None:
    """Stand for the planted program: hosts that play worlds never call it."""


class _Host(WorldHost):
    """A host that is started, looks at functions, and ends."""

    def __enter__(self) -> _Host:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to end."""

    def examine(self, case: Case) -> Examined:
        """See ``SupervisedHost.examine``."""
        program = self.world.program
        return Examined(
            call_s=self.alone_s(case), held=program.gil + program.gil_c, busy=float(min(program.threads, 8))
        )

    def hand_over(self, case: Case) -> tuple[float, float, float] | None:
        """See ``SupervisedHost.hand_over``."""
        return 5e-5, 6e-5, 0.0

    def hand_off(self, case: Case) -> list[dict[str, Any]]:
        """See ``SupervisedHost.hand_off``: turns of planted programs have no price."""
        return []


class _Planted(Functions):
    """The planted program as a subject: everything but the host and the facts of the machine is real."""

    def __init__(self, world: World, options: Options) -> None:
        self.world, self.started = world, _Host(world)
        super().__init__(_REQUEST, options)

    def host(self, environment: Any) -> Any:
        """See ``Subject``."""
        return self.started

    def planned(self, host: Any, environment: Any, observer: Any) -> Planned:
        """See ``Subject``."""
        found = super().planned(host, {**environment, "cpus": _cpus(self.world)}, observer)
        return replace(found, plan=_sent_by(self.world.transport, found.plan))


_REQUEST = Request(functions=(Function(name="planted_call", target=f"{__name__}:planted_call"),), folder="/")


def _cpus(world: World) -> dict[str, Any]:
    """Return what the environment says about CPUs."""
    machine = world.machine
    limit = "cgroup quota" if machine.usable < machine.cpus else "machine"
    return {
        "count": machine.usable,
        "limit": limit,
        "detail": f"{limit}: {machine.usable} CPUs",
        "logical": machine.cpus,
        "physical": (machine.cores or machine.cpus) if machine.topology else machine.cpus,
        "quota_cpus": machine.quota or None,
    }


def _sent_by(transport: str, plan: Plan) -> Plan:
    """Return a plan whose processes use a transport."""

    def sent(slot: Slot) -> Slot:
        apart = slot.case.executor == "processes"
        return replace(slot, case=replace(slot.case, transport=transport)) if apart else slot

    return replace(plan, groups=tuple(replace(group, slots=tuple(map(sent, group.slots))) for group in plan.groups))


@cache
def _environment() -> dict[str, Any]:
    return dict(env.capture())


@contextmanager
def _simulated(host: WorldHost) -> Iterator[Path]:
    """Let the pipeline measure on the host's clock; yield a folder for its result."""
    here = _environment()
    with (
        mock.patch.object(env, "capture", return_value=here),
        mock.patch.object(engine, "run_blocks", partial(run_blocks, clock_ns=host.clock)),
        tempfile.TemporaryDirectory(prefix="gilscope-world-", dir=_fast()) as folder,
    ):
        yield Path(folder)


def _fast() -> str | None:
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


def played(world: World) -> tuple[Answer, WorldHost]:
    """Profile the planted program as ``gilscope profile`` would."""
    options = Options(
        executors=("serial", world.executor), workers=(world.workers,), budget_s=world.budget_s, seed=world.seed
    )
    subject = _Planted(world, options)
    with _simulated(subject.started) as folder:
        return pipeline.run(subject, folder), subject.started


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A world, what is right about it, what the tool said.

    Parameters
    ----------
    grade : {"right", "undecided", "wrong"}
    why : str
        What is wrong or missing; empty where it is right.
    needed : bool
        Whether the effect is large enough, and visible, to demand a decision.
    gate : str
        ``""`` where it was not played; else ``right``, ``undecided`` or ``wrong``, and what it did.
    """

    world: World
    truth: Truth
    said: tuple[str, ...]
    speedup: str
    gains: bool | None
    grade: Grade
    why: str
    needed: bool
    gate: str = ""


def judge(world: World, *, gate: bool = False) -> Judged:
    """Play a world and judge the answer."""
    answer, host = played(world)
    row = next(row for row in answer.rows if row.case.workers == world.workers and not row.case.is_single)
    truth = truth_of(world, host.tasks[row.case.id], host.repeats[row.case.id])
    gains = answer.verdicts[0].gains
    grown = 1.0 + world.program.grows * host.calls_of(row.case.t1)
    grade, why = graded(world, truth, row.codes, gains, grown)
    found = row.speedup
    return Judged(
        world=world,
        truth=truth,
        said=tuple(row.codes),
        speedup="n/a" if found is None else f"{found.value:.2f} [{found.low:.2f}, {found.high:.2f}] n={row.blocks}",
        gains=gains,
        grade=grade,
        why=why,
        needed=_needed(world, truth),
        gate=judge_gate(world) if gate else "",
    )


def _needed(world: World, truth: Truth) -> bool:
    """Whether a decision is demanded: the effect is large, and visible."""
    if world.program.grows > 0 or truth.scales is None:
        return False
    if truth.scales:
        return world.workers <= world.machine.usable  # else nothing is to be said
    return truth.largest >= NEEDED and not hidden(world, truth.causes[0])


def judge_drawn(seed: int) -> Judged:
    """Judge the world of a seed, and the gate on it."""
    try:
        return judge(drawn(seed), gate=True)
    except Exception as error:
        raise RuntimeError(f"seed {seed}: {traceback.format_exc()}") from error


def graded(
    world: World, truth: Truth, said: tuple[str, ...], gains: bool | None, grown: float = math.inf
) -> tuple[Grade, str]:
    """Compare what was said with the truth; ``grown`` is the last call of T(1) over the first."""
    named = [code for code in said if code not in NO_CAUSE]
    outside, first = beside(world, truth), _right_first(world, truth)
    causes = [code for code in named if code not in outside or code in first]
    if wrong := _wrong_words(world, truth, said, grown) or _wrong_gain(world, truth, gains):
        return "wrong", wrong
    if unplanted := [code for code in causes if code not in tolerated(world, truth)]:
        return "wrong", f"{', '.join(unplanted)} named, not planted"
    if causes and truth.scales is False and causes[0] not in first:
        return "wrong", f"{causes[0]} named first, planted {', '.join(truth.causes)}"
    if "scales" in said or causes or (truth.scales is not False and named) or _crowded(world, truth, named):
        return "right", ""
    warned = set(said) & (first | {"superlinear"}) or ("scales_partly" in said and not _needed(world, truth))
    return ("right", "") if warned else ("undecided", f"{', '.join(truth.causes) or 'that it scales'} not named")


def _crowded(world: World, truth: Truth, named: Sequence[str]) -> bool:
    """Whether workers outnumber CPUs, that is what costs most, and it is named."""
    most = max(truth.gains, key=truth.gains.__getitem__, default="")
    return bool(most) and world.workers > world.machine.usable and not right_codes(world, most).isdisjoint(named)


def _right_first(world: World, truth: Truth) -> frozenset[str]:
    return frozenset(code for effect in truth.causes for code in right_codes(world, effect))


def _wrong_words(world: World, truth: Truth, said: tuple[str, ...], grown: float) -> str:
    """Return what is wrong with what is said of scaling itself."""
    if "scales" in said and world.program.grows > 0 and grown > NOTICED:
        return "scales, but no two calls are alike"
    if "scales" in said and truth.scales is False:
        return f"scales, but reaches {truth.relative:.2f} of what it could here"
    if "scales_partly" in said and truth.speedup > 0.97 * truth.workers:
        return "scales_partly, but scales"
    if "scales" in said and truth.speedup > _ABOVE * truth.workers and not set(said) & {"superlinear", "page_faults"}:
        return f"scales, but S is {truth.speedup:.2f} of {truth.workers}: T(1) is the slow one"
    if "superlinear" in said and truth.speedup < 1.02 * truth.workers and not world.program.grows:  # see codes.ALIKE
        return f"superlinear, but S is {truth.speedup:.2f} of {truth.workers}"
    return ""


def _wrong_gain(world: World, truth: Truth, gains: bool | None) -> str:
    """Return what is wrong with the verdict."""
    if gains is None or world.program.grows > 0:
        return ""
    far = abs(truth.speedup - _GAIN) > _GAIN_MARGIN
    return f"gains is {gains}, S is {truth.speedup:.2f}" if far and gains != (truth.speedup > _GAIN) else ""


def judge_gate(world: World) -> str:
    """Let ``scaling.require(relative_efficiency=...)`` decide about the planted program."""
    options = Options(executors=(world.executor,), workers=(world.workers,))
    started = _Planted(world, options).started

    def subject(request: Request, options: Options) -> _Planted:
        planted = _Planted(world, options)
        planted.started = started
        return planted

    asked = scaling.ScalingResult(func=planted_call, args=(), kwargs={}, executor=world.executor, workers=world.workers)
    with _simulated(started), mock.patch.object(scaling, "Functions", subject):
        try:
            asked.require(relative_efficiency=GATE)
            outcome = "passed"
        except Undecided:
            return "undecided"
        except AssertionError:
            outcome = "failed"
    case = next(name for name in started.tasks if f"@{world.executor}" in name)
    truth = truth_of(world, started.tasks[case], started.repeats[case])
    relative = truth.speedup / truth.machine
    near = abs(relative - GATE) < GATE_MARGIN
    return "right" if near or (outcome == "passed") == (relative > GATE) else f"wrong: {outcome}"
