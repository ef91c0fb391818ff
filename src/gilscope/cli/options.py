"""The options of the verbs that measure: one table for the command line, ``[tool.gilscope]`` and the documentation.

A new option is an entry here, and its use: the field that it fills, or ``VerbOptions.value`` where it fills none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gilscope.cli import readers
from gilscope.cli.engines import executors_or_engines
from gilscope.cli.readers import names, one_of
from gilscope.core.registry import IMPLEMENTATIONS, SCALINGS, SCHEDULES, START_METHODS, TRANSPORTS

_STUDIES = ("metg", "ipc", "startup")
_MEASURING = ("run", "profile", *_STUDIES)
_COMPARING = ("run", "profile", "metg")
_FUNCTIONS = ("profile", "trace", "predict")


@dataclass(frozen=True, slots=True)
class Option:
    """One option of some verbs; a name that means something else in another verb has an entry for each."""

    name: str
    metavar: str  # the value in help; empty: the option is a flag
    help: str  # one sentence, and the default in brackets
    verbs: tuple[str, ...]
    reader: Callable[[str], object] = str  # raises a UsageError of one line for what it refuses
    field: str = ""  # of the verb's request, study or options, which it fills; empty: the verb reads it by its name
    setting: bool = False  # whether [tool.gilscope] may have it
    many: bool = False  # whether it may be given several times: the reader gets the texts joined by commas
    argument: bool = False  # whether it is given without its name
    measured: bool = True  # whether it says what is measured, which --resume compares, not where that goes

    @property
    def parameter(self) -> str:
        """The name of the parameter that the command line passes it by."""
        return self.name.replace("-", "_")


# fmt: off
OPTIONS = (  # in the order of every verb's help
    Option("kernels", "KERNEL", "Kernels to compare; 'gilscope list' names them.",
           ("run",), readers.kernels, "kernels", setting=True, many=True, argument=True),
    Option("implementations", "a,b", "Only these ways to write a kernel, e.g. py_loop,cy_nogil (default: all).",
           ("run",), names("implementation", IMPLEMENTATIONS), "implementations", setting=True),
    Option("format", "NAME", f"{', '.join(readers.TRACE_FORMATS)} (default: by the ending of --out, else text).",
           ("trace",), one_of("format", readers.TRACE_FORMATS)),
    Option("case", "CASE", "Of a result: the case, by number, id or a part (default: the first with several workers).",
           ("trace",)),
    Option("block", "N", "Of a result: which of the rounds (default: a typical one).",
           ("trace",), readers.block),
    Option("arg", "n=1000", "An argument of the function, as a Python literal, by name or without; repeatable.",
           _FUNCTIONS, many=True),
    Option("vary", "n=10,1000", "Measure with each of these values of an argument: from which on does it pay?",
           ("profile",)),
    Option("setup", "TARGET", "A function that returns the arguments, once per worker: a value, tuple or dict.",
           _FUNCTIONS),
    Option("items", "TARGET", "A list, or a function that returns one: each call gets an item of it.", _FUNCTIONS),
    Option("check", "TARGET", "A function that gets a result before anything is timed, and raises if it is wrong.",
           ("profile",)),
    Option("work", "flops=N,bytes=N", "What one call computes and moves: says how much of the hardware it uses.",
           ("profile",)),
    Option("executors", "a,b", "Only these ways, e.g. threads,processes; yours: futures:pkg.module:factory.",
           ("run", "profile"), executors_or_engines(), "executors", setting=True),
    Option("executors", "a,b", "Only these, e.g. threadpool; yours: futures:pkg.module:factory (default: all of ours).",
           ("metg",), readers.metg_executors, "executors"),
    Option("executors", "a,b", "Only these, e.g. fork; yours: futures:pkg.module:factory (default: all of ours).",
           ("startup",), readers.startup_kinds, "kinds"),
    Option("executors", "a,b", "Of a function: which executors (default: threads,processes).",
           ("trace",), readers.trace_executors, "executors"),
    Option("workers", "1,2,4", "How many threads or processes to try (default: 1, 2, 4, ... up to all usable CPUs).",
           ("run", "profile"), readers.workers, "workers", setting=True),
    Option("workers", "N", "How many threads or processes (default: as many as usable CPUs).",
           ("metg", "startup"), readers.most_workers, "workers", setting=True),
    Option("workers", "N", "Of a function: how many workers (default: 2).",
           ("trace",), readers.traced_workers, "workers"),
    Option("workers", "a,b", "Worker counts to predict (default: 4,16,64,256,1024).",
           ("predict",), readers.predicted_workers),
    Option("cpus", "N", "CPUs of the machine to predict, which the workers share (default: one each).",
           ("predict",), readers.cpus),
    Option("what-if", "gil/2", "Also predict with half (/2) or none (=0) of the time in gil, dispatch, lock or memory.",
           ("predict",), readers.changes, many=True),
    Option("calls", "N", "How many calls altogether (default: 4 per worker).",
           ("trace",), readers.calls, "calls"),
    Option("size", "XS|S|M|L", "Problem size (default: S for pure Python, else M).",
           ("run",), readers.size, "size", setting=True),
    Option("sizes", "a,b", "How much data to move at once (default: 1KiB,32KiB,1MiB,32MiB,1GiB, as far as they fit).",
           ("ipc",), readers.parse_sizes, "sizes"),
    Option("scaling", "a,b", "strong: workers share the work; weak: each does as much as one alone (default: strong).",
           ("run",), names("scaling", SCALINGS), "scalings", setting=True),
    Option("scaling", "weak|strong", "Fix the number of calls: weak, per worker; strong, altogether (default: weak).",
           ("profile",), one_of("scaling", ("weak", "strong")), "scaling"),
    Option("tasks", "N", "How many calls altogether, whatever the number of workers (implies --scaling strong).",
           ("profile",), readers.tasks, "tasks"),
    Option("task", "40us", "How long one of your tasks takes: the answer says how many to send at once.",
           ("metg",), readers.task, "task_s"),
    Option("budget", "60s", "How long to measure, after preparing (default: 60s; 85s without a KERNEL).",
           ("run",), readers.budget, "budget_s", setting=True),
    Option("budget", "30s", "How long to measure, after preparing (default: 30s).",
           ("profile", "predict"), readers.budget, "budget_s", setting=True),
    Option("budget", "75s", "How long to measure, after preparing (default: 75s).",
           ("metg",), readers.budget, "budget_s", setting=True),
    Option("budget", "60s", "How long to measure, after preparing (default: 60s).",
           ("ipc",), readers.budget, "budget_s", setting=True),
    Option("budget", "60s", "How long to measure (default: 60s).",
           ("startup",), readers.budget, "budget_s", setting=True),
    Option("precision", "5%", "Stop early once every 95 % interval is this narrow, plus or minus (default: 5%).",
           ("run", "profile"), readers.precision, "precision", setting=True),
    Option("timeout", "60s", "Give up if importing, --setup and the first call take longer (default: 60s).",
           ("profile", "predict"), readers.timeout, "timeout_s"),
    Option("timeout", "60s", "Of a function: give up on an executor that takes longer (default: 60s).",
           ("trace",), readers.timeout, "timeout_s"),
    Option("gil-trace", "", "Record each time the GIL is held, by an extra thread that keeps a CPU busy.", ("trace",)),
    Option("chunks", "N", "Pieces of work per worker (default: 4).",
           ("run",), readers.chunks, "chunks_per_worker", setting=True),
    Option("start-method", "a,b", "How processes start: fork, forkserver, spawn (default: forkserver).",
           ("run", "profile"), names("start method", START_METHODS), "start_methods", setting=True),
    Option("start-method", "a,b", "How processes start (default: fork, forkserver, spawn).",
           ("metg",), names("start method", START_METHODS), "start_methods", setting=True),
    Option("start-method", "a,b", "How the processes of the jobs start (default: fork, forkserver, spawn).",
           ("ipc",), names("start method", START_METHODS), "start_methods"),
    Option("transport", "a,b", "How processes get their data: shm, shared memory, or pickle, copies (default: shm).",
           ("run",), names("transport", TRANSPORTS), "transports", setting=True),
    Option("schedule", "a,b", "Who gets which piece: static, fixed before; dynamic, whoever is free (default: static).",
           ("run",), names("schedule", SCHEDULES), "schedules", setting=True),
    Option("pin", "none|cores|smt", "Bind workers to CPUs: cores, one per core; smt, core by core (default: none).",
           ("run", "profile"), readers.pin, "pin", setting=True),
    Option("dask-scheduler", "tcp://HOST:PORT", "Use this running Dask cluster (default: start one here).",
           _COMPARING, readers.address, "dask_scheduler", setting=True),
    Option("memory-limit", "4G", "Most memory of each process that measures (default: no limit).",
           ("run", "profile"), readers.memory_limit, "memory_limit_bytes", setting=True),
    Option("seed", "N", "Random seed of the order in which cases are timed (default: 1).",
           _MEASURING, readers.seed, "seed", setting=True),
    Option("python", "3.13t|PATH", "Measure under this Python; repeat it to compare several.",
           _COMPARING, setting=True, many=True),
    Option("gil", "on|off|both", "Run free-threaded Pythons with the GIL on, off, or both (default: as they start).",
           _COMPARING, setting=True),
    Option("out", "DIR", "Folder of the result (default: gilscope-results/<UTC time>).",
           (*_MEASURING, "predict"), setting=True, measured=False),
    Option("out", "FILE", "Write to FILE instead of stdout.", ("trace",), measured=False),
    Option("resume", "", "Continue a run that was interrupted: that of --out, else the newest.",
           ("run", *_STUDIES), measured=False),
    Option("full", "", "End with every table, like gilscope show --full.", ("run", "profile"), measured=False),
    Option("dry-run", "", "Say what would be measured and how long it would take; measure nothing.",
           ("run", "profile"), measured=False),
    Option("json", "", "Print the result as JSON and nothing else.", (*_MEASURING, "predict"), measured=False),
    Option("json", "", "The same as --format json: every event.", ("trace",), measured=False),
    Option("quiet", "", "Show no progress.", (*_MEASURING, "predict"), measured=False),
)
# fmt: on


def options_of(verb: str) -> dict[str, Option]:
    """Return the options of a verb by their names."""
    return {option.name: option for option in OPTIONS if verb in option.verbs}
