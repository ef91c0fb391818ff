"""What an interpreter says about itself. Run as a text (``python -c``) by any Python 3, old ones too, with or
without gilscope; it prints one line of JSON. Standard library only.
"""

import hashlib
import importlib
import json
import os
import platform
import sys
import sysconfig
from typing import Any

MARK = "gilscope-about:"
"""Stands before the JSON: start-up files of a site may print lines of their own."""

RUNNER_SIDE = ("clocks.py", "records.py", "spec.py", "targets.py", "executors", "kernels", "measure", "telemetry")
"""What runners execute, and what goes over the wire: both ends must have the same."""


def source_digest(package: str) -> str:
    """Return a digest of the runner side of the package in folder ``package``; 16 hexadecimal digits."""
    paths = []
    for name in RUNNER_SIDE:
        whole = os.path.join(package, name)
        if name.endswith(".py"):
            paths.append(whole)
        for folder, _, files in os.walk(whole):
            paths += [os.path.join(folder, file) for file in files if file.endswith(".py")]
    state = hashlib.sha256()
    for path in sorted(paths):
        with open(path, "rb") as source:
            state.update(os.path.relpath(path, package).replace(os.sep, "/").encode() + b"\0")
            state.update(source.read().replace(b"\r\n", b"\n"))
    return state.hexdigest()[:16]


def _version(library: str) -> Any:
    try:
        from importlib import metadata

        return metadata.version(library)
    except ImportError:  # not installed, or a Python from before 3.8, which cannot tell
        return None


def about(request: Any) -> Any:
    """Return the facts about the running interpreter, and what of gilscope it can run if it has the same one.

    Parameters
    ----------
    request : dict
        ``gilscope`` and ``source``: version and source digest of whoever asks; ``kernels`` and ``libraries``: names to
        look at.
    """
    facts: Any = {
        "implementation": platform.python_implementation(),
        "version": platform.python_version(),
        "version_info": list(sys.version_info[:3]),
        "executable": sys.executable,
        "free_threaded": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
        "gil_enabled": bool(getattr(sys, "_is_gil_enabled", lambda: True)()),
        "compiler": platform.python_compiler(),
        "libraries": {name: _version(name) for name in request["libraries"]},
        "gilscope": None,
    }
    if sys.version_info < (3, 11):  # noqa: UP036 - any Python may run this text, but old ones cannot import gilscope
        return facts
    try:
        import gilscope
    except ImportError:
        return facts
    facts["gilscope"] = getattr(gilscope, "__version__", None)
    if facts["gilscope"] != request["gilscope"]:
        return facts
    facts["source"] = source_digest(os.path.dirname(os.path.abspath(gilscope.__file__)))
    if facts["source"] == request["source"]:
        abilities = importlib.import_module("gilscope.abilities")  # by name: this text runs outside the package
        facts.update(abilities.answer(request["kernels"]))
    return facts


if __name__ == "__main__":
    print(MARK + json.dumps(about(json.loads(sys.argv[1]))))
