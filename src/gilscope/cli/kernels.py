"""``gilscope kernels new | digest``: add a kernel."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Typer

from gilscope.cli.help import Contents, Page
from gilscope.cli.output import emit
from gilscope.cli.verb import help_alone

app = Typer(
    cls=Contents,
    callback=help_alone,
    invoke_without_command=True,
    help="Add a kernel to a source checkout of gilscope.",
)


@app.command("new", cls=Page, short_help="Write the skeleton of a new kernel.")
def new(name: Annotated[str, Argument(metavar="NAME", help="Lower-case letters, digits and underscores.")]) -> None:
    """Write the skeleton of a new kernel into the source checkout this is run in.

    It is a small kernel that works: build it, make its digests, and it passes the tests before you change a line.
    """
    from gilscope.kernels.skeleton import find_checkout, write_skeleton

    root = find_checkout(Path.cwd())
    written = [path.relative_to(root).as_posix() for path in write_skeleton(root, name)]
    steps = (
        "python setup.py build_ext --inplace",
        f"gilscope kernels digest {name}",
        f"python -m pytest tests/kernels tests/conformance -k {name}",
    )
    emit("\n".join(["wrote", *(f"  {path}" for path in written), f"next, in {root}", *(f"  {step}" for step in steps)]))


@app.command("digest", cls=Page, short_help="Make the digests kept beside kernels.")
def digest(
    names: Annotated[
        list[str] | None, Argument(metavar="NAME", help="Kernels (default: all of them).", show_default=False)
    ] = None,
) -> None:
    """Make the digests of the answers anew: once per change of what a kernel computes.

    XS and S come from py_loop, M and L from cy_nogil after it has agreed with py_loop.
    """
    from gilscope.core.registry import KERNELS, check_names
    from gilscope.kernels.digest import main

    main(list(check_names("kernel", names or KERNELS, KERNELS)))
