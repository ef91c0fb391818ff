"""Where cases are measured: prepares them in runners, runs rounds, turns failures into data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from gilscope import kernels
from gilscope.core import pages
from gilscope.core.cases import Case, Slot
from gilscope.core.errors import MeasurementError, NoRoomError, RoundTimeoutError, WorkerDiedError, WorkerRaisedError
from gilscope.core.memory import KEEPING, available_bytes
from gilscope.core.records import CaseRecord, Round
from gilscope.core.registry import is_engine
from gilscope.core.spec import Work
from gilscope.env.checks import THREAD_VARIABLES
from gilscope.env.interpreters import Interpreter
from gilscope.env.pinning import can_bind, places
from gilscope.kernels.user import Examined, Request
from gilscope.measure.client import Launch, SupervisorClient
from gilscope.measure.client import most_processes as enough_processes
from gilscope.runner.wire import decode_round

_RUNNER = "gilscope.runner.runner"
_APART = ("processpool", "dask")  # start their own processes, and threads that manage them
PREPARE_TIMEOUT_S = 300.0  # a cold JIT compilation of many variants on a slow machine, with room

_FIXES = {  # by what a library prints or raises last, which does not name one
    "workqueue threading layer": "install tbb, or set NUMBA_THREADING_LAYER=omp: Numba's workqueue bears no threads",
    "fork() called from a process already using GNU OpenMP": "use --start-method forkserver or spawn",
    "Too many open files": "allow more (ulimit -n 16384), or use fewer workers",
    "no locator available": "set NUMBA_CACHE_DIR to a folder that can be written",
}


def fix_for(output: str) -> str:
    """Return the fix for what was raised or printed last; empty where none is known."""
    return next((fix for text, fix in _FIXES.items() if text in output), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lead:
    """The uncounted lead-in of a round: its repeats, and the chunks per worker and phase if limited."""

    repeats: int
    limit: int | None = None


def family_of(slot: Slot) -> str:
    """Name the runner a slot is measured in.

    Processes apart, because their runner must stay single-threaded to fork; ``native`` by worker count, because
    changing the team size makes OpenMP recreate its threads, and ``loky`` and engines that are not ours, whose
    executors have one size. Serial and threads share one, except where libraries may use all CPUs, which they learn
    before they are imported. Malloc learns before it begins whether to keep memory: ``threads.kept``. Each interpreter
    has its own runners: ``threads!3.13t``.
    """
    case = slot.case
    if slot.role == "isolated" or case.executor == "processes":
        name = "processes"
    elif case.executor in _APART:
        name = case.executor
    elif case.executor in ("native", "loky") or is_engine(case.executor):
        name = f"{case.executor}*{case.workers}"
    else:
        name = "nested" if case.libraries == "all" else "threads"
    name = f"{name}.{case.memory}" if case.memory else name
    return f"{name}!{case.interpreter}" if case.interpreter else name


class SupervisedHost:
    """A supervisor process with its runners, in which cases are prepared and rounds are run; tests use a fake one.

    ``max_workers`` is the largest worker count of each family: pools are made once for it. ``cpus`` counts the usable
    ones. ``own`` are the user's own functions, where these are measured. Cases name ``interpreters`` by their labels.
    ``dask_scheduler``, ``pin`` and ``memory_limit_bytes`` are as in ``cases.Study``. A case with more than
    ``most_processes`` is a fork bomb; 0: enough for every executor.

    Raises UsageError on platforms without Unix sockets between processes, and MeasurementError if there is no room for
    temporary files.
    """

    def __init__(
        self,
        max_workers: Mapping[str, int],
        cpus: int,
        *,
        own: Request | None = None,
        prepare_timeout_s: float = PREPARE_TIMEOUT_S,
        interpreters: Sequence[Interpreter] = (),
        dask_scheduler: str = "",
        pin: str = "none",
        memory_limit_bytes: int = 0,
        most_processes: int = 0,
    ) -> None:
        self._max_workers, self._cpus = dict(max_workers), cpus
        self._own = own.to_config() if own is not None else None
        self._prepare_timeout_s = prepare_timeout_s
        self._dask_scheduler = dask_scheduler
        self._places = [asdict(place) for place in places(pin)]
        self._starts = [place.cpu for place in places("cores")] if can_bind() and not self._places else []
        self._memory_limit_bytes = memory_limit_bytes
        self._interpreters = {entry.label: entry for entry in interpreters}
        self._bound: dict[str, set[str]] = {}
        self._roomy: set[str] = set()  # shared buffers that fitted
        self._informed: set[str] = set()  # families whose runner knows the user's own functions
        widest = max([cpus, *self._max_workers.values()])
        self.supervisor = SupervisorClient(most_processes or enough_processes(widest, len(self._interpreters)))

    def __enter__(self) -> SupervisedHost:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the supervisor and everything it started. Idempotent."""
        self.supervisor.close()

    def prepare(self, slot: Slot) -> CaseRecord:
        """Set a slot's case up and verify its answer; failure is a status, not an exception.

        A runner that has just compiled is replaced: machine code fresh from Numba and the same function loaded from its
        cache differed by 30 % in speed (mandelbrot/nb_gil, Numba 0.68), and T(1) and T(p) must run the same code.
        """
        record = self._prepare(slot)
        if record.jit_cache != "cold":
            return record
        self._stop(family_of(slot))
        again = self._prepare(slot)
        return replace(again, jit_cache="cold", one_time_ns={**again.one_time_ns, "jit": record.one_time_ns["jit"]})

    def _prepare(self, slot: Slot) -> CaseRecord:
        family, case = family_of(slot), slot.case
        impl = kernels.load(case.kernel).impl(case.implementation, case.executor)
        record = CaseRecord(case=case, family=family, gil=impl.gil if impl is not None else None)
        if complaint := self._no_room_for(case):
            return replace(record, status="failed", reason=complaint, cure="use a smaller --size")
        op = "isolate" if slot.role == "isolated" else "prepare"
        message: dict[str, Any] = {"op": op, "case": case.id, "segment": _segment(case)}
        if slot.role != "isolated" and self._is_private(case):
            message |= {"segment": "", "private_bytes": _buffer_bytes(case)}
        try:
            reply = self._call(slot, message, self._prepare_timeout_s)
        except RoundTimeoutError as error:
            return replace(record, status="timeout", reason=str(error))
        except WorkerDiedError as error:
            cure = fix_for(error.detail)
            return replace(record, status="failed", reason=str(error), cure=cure, detail=error.detail)
        if reply["status"] != "ok":
            if reply["status"] == "failed":
                self._stop(family)  # workers may be dead, or wait for one that failed
            cure = reply["cure"] or fix_for(reply["reason"])
            return replace(record, status=reply["status"], reason=reply["reason"], cure=cure, detail=reply["detail"])
        self._bound.setdefault(family, set()).add(slot.session)
        problem = reply["problem"]
        return replace(
            record,
            status="ok" if problem is None else "wrong_result",
            reason=problem or "",
            first_ns=reply["first_ns"],
            one_time_ns=reply["one_time_ns"],
            jit_cache=reply["jit_cache"],
            isa=reply["isa"],
            python=reply["python"],
            gil_enabled=reply["gil_enabled"],
            gil_reason=reply["gil_reason"],
            placed=tuple(reply["placed"]),
            pss_bytes=reply["pss_bytes"],
            pages=reply["pages"],
            work=None if reply["work"] is None else Work(**reply["work"]),
        )

    def _is_private(self, case: Case) -> bool:
        """Whether the buffers are the runner's own memory, which a limit on that would count."""
        shared = not case.one_gil or case.memory == pages.SMALL or self._memory_limit_bytes
        return not shared and pages.private_only(_buffer_bytes(case) // case.copies, case.implementation)

    def _no_room_for(self, case: Case) -> str:
        """Say that buffers not made yet exceed the free memory, for which the system would kill a process."""
        key = _segment(case) + (f" of {family_of(Slot(case=case))}" if self._is_private(case) else "")
        if key in self._roomy:
            return ""
        nbytes, free = _buffer_bytes(case), available_bytes()
        if free is not None and nbytes > free:
            return f"{case.id}: its buffers take {nbytes / 2**20:,.0f} MiB, and {free / 2**20:,.0f} MiB are free"
        self._roomy.add(key)
        return ""

    def examine(self, case: Case) -> Examined:
        """Examine one of the user's own functions in the runner of a case; failure is a ``problem``.

        Of ``threads`` only how it faults in a thread beside the main one.
        """
        slot = Slot(case=case)
        try:
            reply = self._call(slot, {"op": "examine", "case": case.id}, self._prepare_timeout_s)
        except RoundTimeoutError as error:
            return Examined(problem=str(error), detail=error.detail, status="timeout")
        except WorkerDiedError as error:
            problem = f"{error}; call it once yourself with the same arguments"
            return Examined(problem=problem, detail=error.detail, status="failed")
        if reply.pop("status") != "ok":
            status: Literal["failed", "refused"] = "refused" if reply.get("refused") else "failed"
            return Examined(problem=reply["reason"], detail=reply["detail"], status=status)
        return Examined(**{**reply, "pools": tuple(reply.get("pools", ()))})

    def inform(self, own: Request) -> None:
        """Let runners know the user's functions anew, with what examining them has shown."""
        self._own = own.to_config()
        self._informed.clear()

    def hand_over(self, case: Case) -> tuple[float, float, float] | None:
        """Measure what handing one task to a pool of ``concurrent.futures`` costs.

        Low and high seconds, and by how much each worker more raises them; None where it fails.
        """
        try:
            reply = self._call(Slot(case=case), {"op": "hand_over", "case": case.id}, self._prepare_timeout_s)
        except (RoundTimeoutError, WorkerDiedError):
            return None
        known = reply["status"] == "ok"
        return (float(reply["least_s"]), float(reply["most_s"]), float(reply["more_s"])) if known else None

    def hand_off(self, case: Case) -> list[dict[str, Any]]:
        """Measure what handing the GIL to a waiting thread costs in the runner of a case; empty where there is none.

        Entries have the fields of ``telemetry.hand_off.HandOff``.
        """
        try:
            reply = self._call(Slot(case=case), {"op": "hand_off"}, self._prepare_timeout_s)
        except (RoundTimeoutError, WorkerDiedError):
            return []
        return list(reply["prices"]) if reply["status"] == "ok" else []

    def roofs(self, case: Case, counts: Sequence[int]) -> list[dict[str, Any]]:
        """Measure what the hardware gives to so many threads, in the runner of a case; empty where that fails.

        Entries have the fields of ``telemetry.roof.Roof``.
        """
        try:
            reply = self._call(Slot(case=case), {"op": "roof", "counts": list(counts)}, self._prepare_timeout_s)
        except (RoundTimeoutError, WorkerDiedError):
            return []
        return list(reply["roofs"]) if reply["status"] == "ok" else []

    def run_round(self, slot: Slot, repeats: int, lead: Lead, timeout_s: float, *, cpu: int | None = None) -> Round:
        """Run one timed round after its lead-in, of a T(1) on one CPU if it is given.

        MeasurementError if it fails (its runner may have been replaced).
        """
        return decode_round(self._round(slot, repeats, lead, timeout_s, cpu=cpu)["round"])

    def diagnose(self, slot: Slot, repeats: int, lead: Lead, timeout_s: float) -> tuple[Round, dict[str, Any]]:
        """Run a round under the GIL probe, never counted; return it and what the probe measured."""
        reply = self._round(slot, repeats, lead, timeout_s, diagnose=True)
        return decode_round(reply["round"]), reply["gil"]

    def _round(
        self,
        slot: Slot,
        repeats: int,
        lead: Lead,
        timeout_s: float,
        *,
        diagnose: bool = False,
        cpu: int | None = None,
    ) -> dict[str, Any]:
        if slot.session not in self._bound.get(family_of(slot), ()):  # its runner was replaced
            record = self._prepare(slot)
            if record.status != "ok":
                raise MeasurementError(f"{slot.case.id}: {record.reason}", record.detail)
        message = {"op": "round", "key": slot.session, "repeats": repeats, "diagnose": diagnose, "cpu": cpu}
        message |= {"lead_repeats": lead.repeats, "lead_limit": lead.limit}
        reply = self._call(slot, message, timeout_s)
        if reply["status"] != "ok":
            self._stop(family_of(slot))  # as above
            raise WorkerRaisedError(reply["reason"], reply["detail"])
        return reply

    def replace_runners(self) -> None:
        """End all runners; the next round of each case starts and prepares new ones."""
        for family in list(self._bound):
            self._stop(family)

    def _stop(self, family: str) -> None:
        self._bound.pop(family, None)
        self._informed.discard(family)
        self.supervisor.stop(family)

    def _call(self, slot: Slot, message: dict[str, Any], timeout_s: float) -> dict[str, Any]:
        """Send a message to the slot's runner; RoundTimeoutError or WorkerDiedError have its last output as detail."""
        family, case = family_of(slot), slot.case
        try:
            reply = self.supervisor.call(
                family,
                message if family in self._informed else {**message, "own": self._own},
                self._launch(case, family),
                timeout_s,
                segments=[(_segment(case), _buffer_bytes(case))],
                label=f"{case.id}: its {case.executor} runner",
            )
        except NoRoomError:
            raise
        except (RoundTimeoutError, WorkerDiedError):  # the runner is gone
            self._bound.pop(family, None)
            self._informed.discard(family)
            raise
        self._informed.add(family)
        return reply

    def _launch(self, case: Case, family: str) -> Launch:
        """Return how the runner of a case is started."""
        threads = {"": 1, "all": self._cpus, "native": case.workers}[case.libraries]
        python = self._interpreters[case.interpreter] if case.interpreter else None
        variables: dict[str, str | None] = dict.fromkeys(THREAD_VARIABLES, str(threads))
        variables |= KEEPING[case.memory]
        if self._places and case.executor == "native":  # thread by thread; other runtimes stay within these CPUs
            cpus = [self._places[index % len(self._places)]["cpu"] for index in range(case.workers)]
            variables |= {"OMP_PROC_BIND": "true", "OMP_PLACES": ",".join(f"{{{cpu}}}" for cpu in cpus)}
        return Launch(
            python=python.executable if python is not None else "",
            config={
                "module": _RUNNER,
                "max_workers": max(self._max_workers.get(family, 1), case.workers),
                "cpus": self._cpus,
                "dask_scheduler": self._dask_scheduler,
                "places": self._places,
                "starts": self._starts,
                "memory_limit_bytes": self._memory_limit_bytes,
            },
            environment={**variables, **(python.environment if python is not None else {})},
            rests=bool(case.libraries),
        )


def _segment(case: Case) -> str:
    """Key of the shared memory for inputs and outputs: one per kernel, size and copies, for all runners."""
    return f"{case.kernel}#{case.size}" + (f"*{case.copies}" if case.copies > 1 else "")


def _buffer_bytes(case: Case) -> int:
    spec = kernels.load(case.kernel)
    return case.copies * kernels.buffer_layout(spec, spec.sizes[case.size])[0]


def max_workers_of(slots: Iterable[Slot]) -> dict[str, int]:
    """Return the largest worker count of each family."""
    found: dict[str, int] = {}
    for slot in slots:
        family = family_of(slot)
        found[family] = max(found.get(family, 1), slot.case.workers)
    return found
