"""``gilscope audit``: who switches the GIL back on, and which functions release it."""

from __future__ import annotations

import shlex
import sys
from functools import partial
from typing import Annotated

from typer import Argument, Option

from gilscope.cli.output import emit_document, write
from gilscope.core.errors import UsageError


def audit(
    modules: Annotated[
        list[str] | None, Argument(metavar="MODULE", help="Modules to import, each in a fresh process.")
    ] = None,
    python: Annotated[
        str | None,
        Option(
            metavar="PYTHON",
            help="Free-threaded interpreter: 3.14t, a path, an environment (default: this or the newest on PATH).",
            show_default=False,
        ),
    ] = None,
    call: Annotated[
        list[str] | None,
        Option(
            metavar="'MOD.FUNC(ARGS)'",
            help="Does this function release the GIL? Arguments are evaluated once.",
            show_default=False,
        ),
    ] = None,
    n: Annotated[
        str | None,
        Option(
            metavar="SIZES",
            help="Sizes, like 1KiB,64KiB,1MiB or auto: from which on does the call release the GIL?",
            show_default=False,
        ),
    ] = None,
    packages: Annotated[
        list[str] | None,
        Option("--with", metavar="PACKAGE==V,V", help="Try the call with these versions.", show_default=False),
    ] = None,
    environment: Annotated[bool, Option("--environment", help="What all installed extension modules declare.")] = False,
    online: Annotated[
        bool, Option("--online", help="Ask the package index which free-threaded wheels there are.")
    ] = False,
    json: Annotated[bool, Option("--json", help="Print the audit as JSON and nothing else.")] = False,
) -> int:
    """Find out which modules enable the GIL again in a free-threaded interpreter, and which functions release it."""
    from gilscope.cli import FAILED, OK, UNDECIDED
    from gilscope.report.audit import render_audit
    from gilscope.studies.audit import AuditRequest
    from gilscope.studies.audit import audit as study
    from gilscope.studies.audit.overlay import parse_requirements
    from gilscope.studies.audit.sizes import AUTO, PLACE, parse_sizes

    if not (modules or call or environment):
        raise UsageError("nothing to audit: name modules, a --call, or --environment for everything installed")
    for module in modules or ():
        if "(" in module:
            raise UsageError(f"{module!r} is a call: put --call before it: gilscope audit --call {shlex.quote(module)}")
        if not all(part.isidentifier() for part in module.split(".")):
            raise UsageError(f"{module!r} is not a name of a module: write it like package.module")
    if (n or packages) and not call:
        raise UsageError(f"{'--n' if n else '--with'} needs a call: gilscope audit --call 'zlib.crc32(bytes({PLACE}))'")
    if n is None and call and any(PLACE in text for text in call):
        n = AUTO
    request = AuditRequest(
        modules=tuple(modules or ()),
        calls=tuple(call or ()),
        sizes=parse_sizes(n) if n is not None else None,
        packages=tuple(parse_requirements(packages or ())),
        python=python,
        environment=environment,
        online=online,
    )
    found = study(request, progress=_progress)
    emit_document(found.to_json(), partial(render_audit, found), json=json)
    if not found.passed:
        return FAILED
    return UNDECIDED if found.undecided else OK


def _progress(text: str) -> None:
    """Show what happens now, where somebody watches: a large environment takes minutes."""
    if sys.stderr is not None and sys.stderr.isatty():
        write(sys.stderr, f"{text}\n")
