"""Does a C function release the GIL? A snippet is called over and over while the GIL probe watches."""

import ast
import builtins
import importlib
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, TypeAlias

from gilscope.core import typed
from gilscope.core.errors import UsageError
from gilscope.env import child
from gilscope.env.interpreter import free_threaded_build
from gilscope.studies.audit.overlay import Overlay

GilVerdict: TypeAlias = Literal["releases", "holds", "partly", "too_short"]

# Held shares that count as released and as held; between them, the function does both.
RELEASED_BELOW, HELD_ABOVE = 0.1, 0.9

EXAMPLE = "zlib.crc32(bytes(10**7))"  # of a call

SHORTEST_CALL_S = 20e-6  # the loop around the call holds the GIL for some 0.1 us, so for less than one per cent

_WINDOWS_S = (0.5, 1.0, 2.0, 4.0)  # after which the held share is judged
_RATE_HZ = 2000.0
_LIMIT_S = 120.0
_REPLY = "from gilscope.studies.audit.calls import reply"
_REPLY_SIZES = "from gilscope.studies.audit.sizes import reply"


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldShare:
    """The share of the time the GIL was held, with its interval; 0 to 1."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SizedCall:
    """What was found at one size: whether calls release the GIL, how often each, and the share it is held.

    ``releases`` is None where that cannot be said, with the ``reason`` if the size could not be tried. The interval of
    ``held`` is the range over at least three windows.
    """

    n: int
    releases: bool | None = None
    releases_per_call: float = 0.0
    held: HeldShare | None = None
    per_call_s: float = 0.0
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Between sizes ``last`` and ``first`` a function begins to release the GIL, or stops to."""

    last: int
    first: int
    releases: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditedCall:
    """What was found about one snippet: ``interpreter`` called it, ``reason`` is why there is no verdict.

    A call with a size in it has no verdict, but ``sizes`` and ``changes``. ``package`` is the one it was tried with.
    """

    call: str
    status: Literal["ok", "failed", "unavailable"]
    verdict: GilVerdict | None = None
    held: HeldShare | None = None
    per_call_s: float | None = None
    interpreter: str = ""
    package: str = ""
    reason: str = ""
    sizes: tuple[SizedCall, ...] = ()
    changes: tuple[Change, ...] = ()

    @property
    def decided(self) -> bool:
        """Whether it is known if the GIL is released, at every size that was tried."""
        if self.sizes:
            return all(row.releases is not None for row in self.sizes)
        return self.status == "ok" and self.verdict != "too_short"


def check_snippet(text: str) -> ast.Call:
    """Parse ``module.function(arguments)``; UsageError if it is something else."""
    try:
        node = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError):
        node = None
    if not isinstance(node, ast.Call):
        raise UsageError(f"--call {text!r} is not a call: write it like --call '{EXAMPLE}'")
    if isinstance(node.func, ast.Name):
        name = node.func.id
        raise UsageError(f"{name} is not a name of a module: write {ast.unparse(_with_modules(node))}")
    return node


def _with_modules(call: ast.Call) -> ast.Call:
    """Put a module before the function of a call, and before those in its arguments that are not builtins."""
    for inner in ast.walk(call):
        if isinstance(inner, ast.Call) and isinstance(inner.func, ast.Name):
            name, builtin = inner.func.id, hasattr(builtins, inner.func.id)
            if inner is call or not builtin:
                inner.func = ast.Name(f"{'builtins' if builtin else 'module'}.{name}")
    return call


def verdict_of(low: float, high: float, per_call_s: float) -> GilVerdict:
    """Judge the interval of the held share."""
    if per_call_s < SHORTEST_CALL_S:
        return "too_short"
    if high <= RELEASED_BELOW:
        return "releases"
    return "holds" if low >= HELD_ABOVE else "partly"


def measure_call(
    text: str,
    python: str = sys.executable,
    *,
    free_threaded: bool | None = None,
    sizes: Sequence[int] | None = None,
    overlay: Overlay | None = None,
) -> AuditedCall:
    """Call a snippet in a fresh process of ``python``, which has gilscope, with the GIL on, and watch the GIL.

    Arguments are evaluated once; modules they name are imported. ``free_threaded`` is whether that interpreter could
    do without the GIL (None: as this one). With ``sizes`` the snippet has ``{n}`` in it; none of them: chosen. An
    ``overlay`` has another version of a package.
    """
    can_do_without = free_threaded_build() if free_threaded is None else free_threaded
    # The folder in which it is called is on the path, as it is for the modules that are imported.
    changed = {**child.PLAIN, "PYTHON_GIL": "1" if can_do_without else None, "PYTHONSAFEPATH": None}
    changed |= overlay.variables if overlay is not None else {}
    package = overlay.label if overlay is not None else ""
    code, arguments = (_REPLY, (text,)) if sizes is None else (_REPLY_SIZES, (text, list(sizes)))
    surroundings = child.surroundings(changed)
    try:
        row = child.reply(code, *arguments, timeout_s=_LIMIT_S, python=python, environment=surroundings)
    except child.NoReplyError as error:
        return AuditedCall(call=text, status="failed", package=package, reason=str(error))
    return replace(typed.read(AuditedCall, row), package=package)


def reply(text: str) -> dict[str, Any]:
    """Measure a snippet and return the row; the child's side."""
    from gilscope.env.interpreter import describe
    from gilscope.telemetry.gil import GilMonitor

    bound = bind(check_snippet(text))
    label = str(describe()["label"])
    bound()  # imports, compiles, fills caches
    with GilMonitor(rate_hz=_RATE_HZ) as monitor:
        if not monitor.available:
            return asdict(AuditedCall(call=text, status="unavailable", interpreter=label, reason=monitor.reason))
        held, calls, wall_s = _watched(bound, monitor)
    share, per_call_s = HeldShare(value=held.value, low=held.low, high=held.high), wall_s / calls
    verdict = verdict_of(held.low, held.high, per_call_s)
    row = AuditedCall(call=text, status="ok", verdict=verdict, held=share, per_call_s=per_call_s, interpreter=label)
    return asdict(row)


def _watched(bound: Callable[[], Any], monitor: Any) -> tuple[Any, int, float]:
    """Call it in a thread until its held share can be judged; return the share, the number of calls, their seconds."""
    done, calls = threading.Event(), 0

    def repeat() -> None:
        nonlocal calls
        while not done.is_set():
            bound()
            calls += 1

    began = time.perf_counter()
    worker = threading.Thread(target=repeat, name="caller")
    worker.start()
    try:
        for until_s in _WINDOWS_S:
            worker.join(max(0.0, began + until_s - time.perf_counter()))
            held = monitor.held
            if calls and (held.high <= RELEASED_BELOW or held.low >= HELD_ABOVE):
                break
    finally:
        done.set()
        worker.join()
    return monitor.held, max(1, calls), time.perf_counter() - began


def bind(call: ast.Call) -> Callable[[], Any]:
    """Evaluate function and arguments once; return the call without arguments."""
    names = _Modules()
    function = _evaluate(call.func, names)
    positional = [_evaluate(argument, names) for argument in call.args]
    named = {keyword.arg: _evaluate(keyword.value, names) for keyword in call.keywords if keyword.arg}
    return lambda: function(*positional, **named)


class _Modules(dict[str, Any]):
    """A namespace in which every name that is not a builtin is a module, imported when it is looked up."""

    def __missing__(self, name: str) -> Any:
        if hasattr(builtins, name):
            raise KeyError(name)
        return importlib.import_module(name)


def _evaluate(node: ast.expr, names: _Modules) -> Any:
    for inner in ast.walk(node):
        if isinstance(inner, ast.Attribute):
            _import_parents(ast.unparse(inner))
    return eval(compile(ast.Expression(node), "<--call>", "eval"), {}, names)


def _import_parents(dotted: str) -> None:
    """Import the submodules a dotted name leads through: ``a.b.f`` needs ``a.b``."""
    parts = dotted.split(".")
    for end in range(1, len(parts)):
        if not parts[end - 1].isidentifier():
            return
        try:
            importlib.import_module(".".join(parts[:end]))
        except ImportError:
            return  # an attribute, not a module; if it is neither, evaluating fails
