"""Where cases are measured: prepares them in runners, runs rounds, turns what goes wrong into data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from gilscope import kernels
from gilscope.core.cases import Case, Slot
from gilscope.core.errors import MeasurementError, NoRoomError, RoundTimeoutError, WorkerDiedError, WorkerRaisedError
from gilscope.core.memory import available_bytes
from gilscope.core.records import CaseRecord, Round
from gilscope.env.checks import THREAD_VARIABLES
from gilscope.env.interpreters import Interpreter
from gilscope.env.pinning import places
from gilscope.kernels.user import Examined, Request
from gilscope.measure.advice import fix_for
from gilscope.measure.client import Launch, SupervisorClient
from gilscope.measure.client import most_processes as enough_processes
from gilscope.runner.wire import decode_round, decode_work

__all__ = ["Host", "Lead", "SupervisedHost", "family_of", "max_workers_of"]

_RUNNER = "gilscope.runner.runner"
_APART = ("processpool", "dask")  # start processes of their own and threads that look after them
PREPARE_TIMEOUT_S = 300.0  # a cold JIT compilation of many variants on a slow machine, with room


@dataclass(frozen=True, slots=True, kw_only=True)
class Lead:
    """The uncounted lead-in of a round: so many repeats, of only so many chunks per worker and phase if limited."""

    repeats: int
    limit: int | None = None


class Host(Protocol):
    """Where cases are prepared and rounds are run; tests plant a fake one."""

    def prepare(self, slot: Slot) -> CaseRecord:
        """Set a slot's case up, verify its answer; failure is a status, not an exception."""

    def run_round(self, slot: Slot, repeats: int, lead: Lead, timeout_s: float) -> Round:
        """Run one timed round after its lead-in.

        Raises
        ------
        MeasurementError
            If the case failed in the round; its runner may have been replaced.
        """

    def diagnose(self, slot: Slot, repeats: int, lead: Lead, timeout_s: float) -> tuple[Round, dict[str, Any]]:
        """Run a round watched by the GIL probe, never counted; return it and what the probe saw.

        Raises
        ------
        MeasurementError
        """

    def replace_runners(self) -> None:
        """End all runners; the next round of each case starts and prepares new ones."""


def family_of(slot: Slot) -> str:
    """Name the runner a slot is measured in.

    Processes apart, because their runner must stay single-threaded to fork; ``native`` by worker count, because
    changing the team size makes OpenMP recreate its threads, and ``loky``, whose executor has one size. Each
    interpreter has its own runners: ``threads!3.13t``.
    """
    case = slot.case
    interpreter = f"!{case.interpreter}" if case.interpreter else ""
    if slot.role == "isolated" or case.executor == "processes":
        return f"processes{interpreter}"
    if case.executor in _APART:
        return f"{case.executor}{interpreter}"
    if case.executor in ("native", "loky"):
        return f"{case.executor}*{case.workers}{interpreter}"
    return _threads_family(case) + interpreter


def _threads_family(case: Case) -> str:
    """Name the runner of serial and threads: one of its own where libraries may use all CPUs, which they learn
    before they are imported."""
    return "nested" if case.libraries == "all" else "threads"


class SupervisedHost:
    """The real host: a supervisor process with its runners.

    Parameters
    ----------
    max_workers : mapping of family to int
        The largest worker count each family will be asked for; pools are made once for it.
    cpus : int
        Usable CPUs.
    own : Request, optional
        The user's own functions, where these are what is measured.
    prepare_timeout_s : float
        How long a case may take to be made ready.
    interpreters : sequence of Interpreter
        Those that cases name by their labels.
    dask_scheduler : str
        Address of a running Dask scheduler; empty: a cluster of the runner's own.
    pin : {"none", "cores", "smt"}
        Which CPUs workers are bound to.
    memory_limit_bytes : int
        What each runner and worker process may allocate; 0: no limit.
    most_processes : int
        How many there may be altogether, beyond which a case is a fork bomb; 0: enough for every executor.

    Raises
    ------
    UsageError
        On platforms without Unix sockets between processes.
    MeasurementError
        If there is no room for temporary files.
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
        self._places = [place.to_dict() for place in places(pin)]
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
        """See ``Host``.

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
        message = {
            "op": "isolate" if slot.role == "isolated" else "prepare",
            "case": case.id,
            "segment": _segment(case),
        }
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
            work=decode_work(reply["work"]),
        )

    def _no_room_for(self, case: Case) -> str:
        """Say that buffers not made yet are larger than what is free: else the system would kill somebody for them."""
        key = _segment(case)
        if key in self._roomy:
            return ""
        nbytes, free = _buffer_bytes(case), available_bytes()
        if free is not None and nbytes > free:
            return f"{case.id}: its buffers take {nbytes / 2**20:,.0f} MiB, and {free / 2**20:,.0f} MiB are free"
        self._roomy.add(key)
        return ""

    def examine(self, case: Case) -> Examined:
        """Look at one of the user's own functions in the runner of a case; what goes wrong is a ``problem``."""
        slot = Slot(case=case)
        try:
            reply = self._call(slot, {"op": "examine", "case": case.id}, self._prepare_timeout_s)
        except RoundTimeoutError as error:
            return Examined(problem=str(error), detail=error.detail, status="timeout")
        except WorkerDiedError as error:
            problem = f"{error}; call it once yourself with the same arguments"
            return Examined(problem=problem, detail=error.detail, status="failed")
        if reply.pop("status") != "ok":
            return Examined(problem=reply["reason"], detail=reply["detail"], status="failed")
        return Examined(**{**reply, "pools": tuple(reply["pools"])})

    def hand_over(self, case: Case) -> float | None:
        """Measure what handing one task to a pool of ``concurrent.futures`` costs, in seconds; None where it fails."""
        try:
            reply = self._call(Slot(case=case), {"op": "hand_over", "case": case.id}, self._prepare_timeout_s)
        except (RoundTimeoutError, WorkerDiedError):
            return None
        return float(reply["seconds"]) if reply["status"] == "ok" else None

    def run_round(self, slot: Slot, repeats: int, lead: Lead, timeout_s: float) -> Round:
        """See ``Host``."""
        return decode_round(self._round(slot, repeats, lead, timeout_s, diagnose=False)["round"])

    def diagnose(self, slot: Slot, repeats: int, lead: Lead, timeout_s: float) -> tuple[Round, dict[str, Any]]:
        """See ``Host``."""
        reply = self._round(slot, repeats, lead, timeout_s, diagnose=True)
        return decode_round(reply["round"]), reply["gil"]

    def _round(self, slot: Slot, repeats: int, lead: Lead, timeout_s: float, *, diagnose: bool) -> dict[str, Any]:
        if slot.session not in self._bound.get(family_of(slot), ()):  # its runner was replaced
            record = self._prepare(slot)
            if record.status != "ok":
                raise MeasurementError(f"{slot.case.id}: {record.reason}", record.detail)
        message = {"op": "round", "key": slot.session, "repeats": repeats, "diagnose": diagnose}
        message |= {"lead_repeats": lead.repeats, "lead_limit": lead.limit}
        reply = self._call(slot, message, timeout_s)
        if reply["status"] != "ok":
            self._stop(family_of(slot))  # as above
            raise WorkerRaisedError(reply["reason"], reply["detail"])
        return reply

    def replace_runners(self) -> None:
        """See ``Host``."""
        for family in list(self._bound):
            self._stop(family)

    def _stop(self, family: str) -> None:
        self._bound.pop(family, None)
        self._informed.discard(family)
        self.supervisor.stop(family)

    def _call(self, slot: Slot, message: dict[str, Any], timeout_s: float) -> dict[str, Any]:
        """Send a message to the slot's runner.

        Raises
        ------
        RoundTimeoutError, WorkerDiedError
            With the runner's last output as detail.
        """
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
        """Say how the runner of a case is started."""
        threads = {"": 1, "all": self._cpus, "native": case.workers}[case.libraries]
        python = self._interpreters[case.interpreter] if case.interpreter else None
        return Launch(
            python=python.executable if python is not None else "",
            config={
                "module": _RUNNER,
                "max_workers": max(self._max_workers.get(family, 1), case.workers),
                "cpus": self._cpus,
                "dask_scheduler": self._dask_scheduler,
                "places": self._places,
                "memory_limit_bytes": self._memory_limit_bytes,
            },
            environment={
                **dict.fromkeys(THREAD_VARIABLES, str(threads)),
                **(self._openmp_places(case.workers) if case.executor == "native" else {}),
                **(python.environment if python is not None else {}),
            },
        )

    def _openmp_places(self, workers: int) -> dict[str, str]:
        """Tell OpenMP which CPU each of its threads is bound to; other runtimes stay within these CPUs."""
        if not self._places:
            return {}
        cpus = [self._places[index % len(self._places)]["cpu"] for index in range(workers)]
        return {"OMP_PROC_BIND": "true", "OMP_PLACES": ",".join(f"{{{cpu}}}" for cpu in cpus)}


def _segment(case: Case) -> str:
    """Key of the shared memory that holds inputs and outputs: one per kernel, size and copies, for all runners."""
    return f"{case.kernel}#{case.size}" + (f"*{case.copies}" if case.copies > 1 else "")


def _buffer_bytes(case: Case) -> int:
    spec = kernels.load(case.kernel)
    return case.copies * kernels.buffer_layout(spec, spec.sizes[case.size])[0]


def max_workers_of(slots: Iterable[Slot]) -> dict[str, int]:
    """Return the largest worker count of each family."""
    found: dict[str, int] = {}
    for slot in slots:
        found[family_of(slot)] = max(found.get(family_of(slot), 1), slot.case.workers)
    return found
