"""What an interpreter reports about itself and can run. Any Python 3 runs it as a text (``child.reply``), old ones too,
with or without gilscope. Standard library only.

The text is the requester's. Of the gilscope there it runs only what runners execute, and only if the digests agree.
"""

import hashlib
import importlib
import os
import platform
import sys
import sysconfig
from typing import Any

_NUMBA_WITHOUT_GIL = (3, 14)  # the first free-threaded Python that Numba has releases for (numba#9928)


def source_digest(package: str, files: Any) -> str:
    """Return a digest of the files that runners execute (``closure.runner_files``), 16 hexadecimal digits."""
    state = hashlib.sha256()
    for name in files:
        state.update(name.encode() + b"\0")
        try:
            with open(os.path.join(package, *name.split("/")), "rb") as source:
                state.update(source.read().replace(b"\r\n", b"\n"))
        except OSError:  # older or newer than ours
            state.update(b"\0missing")
    return state.hexdigest()[:16]


def _version(library: str) -> Any:
    try:
        from importlib import metadata

        return metadata.version(library)
    except ImportError:  # not installed, or a Python before 3.8
        return None


def reply(request: Any) -> Any:
    """Return the properties of the running interpreter, and what of gilscope it can run if it has the same one.

    ``gilscope`` and ``source`` of the request are version and source digest of the requester, ``files`` what the digest
    is of, ``kernels`` and ``libraries`` names to look up.
    """
    about: Any = {
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
        return about
    try:
        import gilscope
    except ImportError:
        return about
    about["gilscope"] = getattr(gilscope, "__version__", None)
    if about["gilscope"] != request["gilscope"]:
        return about
    about["source"] = source_digest(os.path.dirname(os.path.abspath(gilscope.__file__)), request["files"])
    if about["source"] == request["source"]:
        about.update(abilities(request["kernels"]))
    return about


def abilities(names: Any) -> Any:
    """Return what the running interpreter can do with some kernels.

    ``kernels``: by kernel and implementation whether it is ``here``, and whether each executor (``processes`` with its
    start method) can run it; ``own``: the same of the user's own functions.
    """
    registry, spec = _module("core.registry"), _module("core.spec")
    chunked, own_threads = (spec.Impl(name="own", target="", gil=gil) for gil in ("held", "own_threads"))
    return {
        "kernels": {name: _of_kernel(name) for name in dict.fromkeys((*names, *registry.PROBES))},
        "own": {kind_of(impl): {"executors": _executors(impl)} for impl in (chunked, own_threads)},
    }


def executor_word(executor: str, start_method: str) -> str:
    """Return the key of an executor in the reply."""
    return executor + "." + start_method if start_method else executor


def kind_of(impl: Any) -> str:
    """Return the key of one of the user's own functions in the reply."""
    return "own_threads" if impl.gil == "own_threads" else "chunked"


def _module(name: str) -> Any:
    return importlib.import_module("gilscope." + name)  # by name: this text runs outside the package


def _of_kernel(name: str) -> Any:
    unknown = _module("core.errors").UnknownNameError
    try:
        spec = _module("kernels").load(name)
    except (ImportError, AttributeError, unknown):  # its package is not installed for this interpreter
        return {}
    return {
        impl.name: {"here": _as_json(_here(spec, impl)), "executors": _executors(impl)}
        for impl in spec.impls
        if not impl.unavailable
    }


def _here(spec: Any, impl: Any) -> Any:
    found = _module("kernels").availability(spec, impl)
    version = sys.version_info[:2]
    free_threaded = _module("env.interpreter").free_threaded_build()
    if not found.ok and "numba" in impl.needs and free_threaded and version < _NUMBA_WITHOUT_GIL:
        reason = "Numba has no release for free-threaded Python " + ".".join(map(str, version))
        return _module("core.spec").Availability(ok=False, reason=reason)
    return found


def _executors(impl: Any) -> Any:
    registry, executors = _module("core.registry"), _module("executors")
    return {
        executor_word(name, start_method): _as_json(executors.availability(name, impl, start_method))
        for name in (*registry.EXECUTORS, *registry.REFERENCES)
        for start_method in (registry.START_METHODS if name == "processes" else ("",))
    }


def _as_json(found: Any) -> Any:
    """Turn an availability into JSON; installation commands name this interpreter."""
    python = _module("env.interpreter").without_home(sys.executable)
    cure = found.cure.replace("pip install", python + " -m pip install")
    return {"ok": found.ok, "reason": found.reason, "cure": cure}
