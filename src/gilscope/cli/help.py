"""The pages of ``--help``: their layout, and what they show below the options: examples and exit statuses."""

from __future__ import annotations

from typing import Any

from typer.core import TyperCommand, TyperGroup

# By what follows 'gilscope' on the command line; tests/cli/test_help.py runs every line.
_EXAMPLES = {
    "": """
gilscope profile mine.py:work --arg n=1000          # the best way to run it
gilscope trace mine.py:work --arg n=1000            # what each worker did
gilscope audit --call "zlib.crc32(bytes(10**7))"    # does it release the GIL?
gilscope gil script.py                              # why threads stay slow
gilscope run                                        # what works here
gilscope compare old new --fail-on slower:5%        # a gate, same machine
""",
    "profile": """
gilscope profile mine.py:work --arg n=1000
gilscope profile mine.py:work mine.py:faster --items mine.py:inputs
gilscope profile json:loads --arg "'[1, 2, 3]'" --workers 1,2 --budget 10s
gilscope profile mine.py:work --python 3.13 --python 3.14t
""",
    "run": """
gilscope run                  # two kernels, all that works here
gilscope run mandelbrot nbody --workers 1,2 --budget 30s
gilscope run triad --implementations cy_nogil --executors threads,processes
gilscope run --resume         # continue the newest result
""",
    "gil": """
gilscope gil script.py --option-of-the-script
gilscope gil -m timeit -n 5 "sum(range(100_000))"
gilscope gil --out gil.json --flame gil.speedscope.json script.py
gilscope gil --pid 1234 --duration 30s              # a running process
gilscope gil --pid 1234 --children --out gil.json
""",
    "predict": """
gilscope predict              # of the newest result
gilscope predict mine.py:work --arg n=1000 --budget 10s
gilscope predict old --workers 8,32 --cpus 16
gilscope predict old --what-if gil/2 --what-if dispatch/10
""",
    "metg": """
gilscope metg
gilscope metg --executors threads,processes --task 200us
""",
    "startup": """
gilscope startup
gilscope startup --executors threads,spawn --workers 4
""",
    "ipc": """
gilscope ipc
gilscope ipc --sizes 1KiB,1MiB --budget 20s
""",
    "audit": """
gilscope audit numpy --python 3.14t                 # does it enable the GIL?
gilscope audit --call "zlib.crc32(bytes(10**7))"    # does it release the GIL?
gilscope audit --environment
""",
    "show": """
gilscope show                 # the newest result
gilscope show --full
gilscope show --case cy_nogil@threads*2
gilscope show old --json
""",
    "report": """
gilscope report               # of the newest result
gilscope report old new --out both.html
gilscope report gil.json      # of gilscope gil --out gil.json
""",
    "compare": """
gilscope compare old new
gilscope compare old new --fail-on slower:5%        # a gate, same machine
gilscope compare old new --format markdown          # for a pull request
""",
    "history": """
gilscope history              # of gilscope-results
gilscope history runs --html history.html --badge badge.svg
gilscope history runs --fail-on-regression
""",
    "trace": """
gilscope trace old --case cy_nogil@threads*2
gilscope trace mine.py:work --arg n=1000 --gil-trace
gilscope trace mine.py:work --workers 4 --out work.svg
""",
    "export": """
gilscope export --out result.csv
gilscope export old --format pytest-benchmark
gilscope export --format svg --chart scaling --out scaling.svg
""",
    "doctor": "gilscope doctor\ngilscope doctor --json",
    "list": "gilscope list\ngilscope list --json",
    "env": "gilscope env add 3.14t\ngilscope env list",
    "env add": "gilscope env add 3.14t\ngilscope env add /usr/bin/python3.13 --from wheels",
    "env list": "gilscope env list\ngilscope env list --json",
    "env remove": "gilscope env remove 3.14t",
    "kernels": "gilscope kernels new my_kernel",
    "kernels new": "gilscope kernels new my_kernel",
    "kernels digest": "gilscope kernels digest nbody",
    "tour": """
gilscope tour                 # lists the chapters
gilscope tour threads gil
gilscope tour --all --html tour.html
""",
}

_MEASURED = "0 ok; 1 a case failed, was wrong or ran out of time; 2 bad usage; 130 interrupted."
_STATUSES = {
    **dict.fromkeys(("profile", "run", "metg", "startup", "ipc"), _MEASURED),
    "": "0 ok; 1 a case failed or a gate was missed; 2 bad usage; 3 a gate could not decide; 130 interrupted.",
    "gil": "The program's own; of a running process 0 ok, 1 cannot be watched, 130 interrupted; 2 bad usage.",
    "audit": "0 ok; 1 the GIL was enabled, or that could not be found out; 2 bad usage; 3 a call was too short.",
    "compare": "0 ok; 1 a case is slower; 2 bad usage or not a result; 3 the gate could not decide.",
    "history": "0 ok; 1 the newest runs are worse; 2 bad usage.",
    "tour": "0 ok; 1 a claim did not hold; 2 bad usage.",
}
_ANY = "0 ok; 2 bad usage."

GATES_HELP = "in CI use the pytest fixture 'scaling': see docs/pytest.md"


class _Layout:
    """What pages share: no types of parameters, which typer prints beside the names of arguments."""

    params: list[Any]

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        arguments = [(one, f"{one.metavar}{'...' * (one.nargs != 1)}") for one in self._arguments]
        return ["[OPTIONS]", *(name if one.required else f"[{name}]" for one, name in arguments)]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        options = [one.get_help_record(ctx) for one in ctx.command.get_params(ctx) if one not in self._arguments]
        _section(formatter, "Arguments", [(one.metavar, one.help) for one in self._arguments])
        _section(formatter, "Options", [row for row in options if row is not None])

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        verb = ctx.command_path.partition(" ")[2]
        with formatter.section("Examples"):
            formatter.write("".join(f"  {line}\n" for line in _EXAMPLES[verb].strip().splitlines()))
        with formatter.section("Exit status"):
            formatter.write_text(_STATUSES.get(verb, _ANY))
        if not verb:
            formatter.write(f"\n{GATES_HELP[0].upper()}{GATES_HELP[1:]}\n")

    @property
    def _arguments(self) -> list[Any]:
        return [one for one in self.params if one.param_type_name == "argument"]


class Page(_Layout, TyperCommand):
    """The page of a verb."""


class Contents(_Layout, TyperGroup):
    """The page of a group of verbs, which lists them by their panels."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        return [*super().collect_usage_pieces(ctx), "COMMAND [ARGS]..."]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        panels: dict[str, list[tuple[str, str]]] = {}
        for one in self.commands.values():
            panel = getattr(one, "rich_help_panel", None)
            panels.setdefault(panel if isinstance(panel, str) else "Commands", []).append(
                (str(one.name), one.get_short_help_str(80))
            )
        for panel, rows in panels.items():
            _section(formatter, panel, rows)
        super().format_options(ctx, formatter)


def _section(formatter: Any, title: str, rows: list[tuple[str, str]]) -> None:
    if rows:
        with formatter.section(title):
            formatter.write_dl(rows)
