"""The part of the audit that runs inside the interpreter under audit: imports modules and reports what happens.

Run by path, by any CPython 3.11 or newer, with or without gilscope: standard library only. Events are JSON lines in a
file, each written before the next thing happens: a crash leaves the name of what crashed.
"""

import contextlib
import importlib
import importlib.machinery
import importlib.metadata
import importlib.util
import json
import os
import platform
import re
import sys
import sysconfig
import time
import traceback
import types
import warnings
from collections.abc import Iterator
from typing import Any

# In CPython's RuntimeWarning, given once per process: for the module that switched the GIL on for good.
RE_ENABLED = re.compile(r"GIL\) has been enabled to load module '([^']+)'")
MOST_SLOTS = 64  # there are fewer than twenty; a longer list is no list of slots
NESTED_SLOTS = {92: True, 94: False}  # Py_slot_subslots, Py_mod_slots: a list of slots, and whether of PySlot (PEP 820)


def gil() -> bool:
    """Whether the GIL is on now."""
    return bool(getattr(sys, "_is_gil_enabled", lambda: True)())


class ChildReport:
    """The file of events."""

    def __init__(self, path: str) -> None:
        self.stream = open(path, "a", encoding="utf-8")  # noqa: SIM115  (open until the process ends)

    def write(self, event: str, **details: Any) -> None:
        """Write one event, now."""
        self.stream.write(json.dumps({"event": event, **details}) + "\n")
        self.stream.flush()


@contextlib.contextmanager
def watch(report: ChildReport) -> Iterator[None]:
    """Report every extension module that is loaded, and the warning that names the culprit."""
    loader: Any = importlib.machinery.ExtensionFileLoader
    create, show = loader.create_module, warnings.showwarning

    def create_module(self: Any, spec: Any) -> Any:
        report.write("loading", module=spec.name, file=spec.origin, gil=gil())
        module = create(self, spec)
        # Only now is the state final: while a module is created, CPython switches the GIL on for a moment.
        report.write("loaded", module=spec.name, file=spec.origin, gil=gil())
        return module

    def showwarning(message: Any, category: Any, *rest: Any, **more: Any) -> None:
        if found := RE_ENABLED.search(str(message)):
            report.write("warned", module=found[1])
        else:
            show(message, category, *rest, **more)

    loader.create_module, warnings.showwarning = create_module, showwarning
    yield
    loader.create_module, warnings.showwarning = create, show


def import_one(report: ChildReport, name: str, *, deferred: bool) -> None:
    """Import one module, with ``deferred`` what it imports lazily too, and report what became of it and of the GIL."""
    report.write("importing", module=name, gil=gil())
    known = lazy_modules()
    began = time.perf_counter()
    try:
        importlib.import_module(name)
    except BaseException as error:  # noqa: BLE001  (whatever an import raises, SystemExit too, is its result)
        missing = getattr(error, "name", None) if isinstance(error, ModuleNotFoundError) else None
        report.write(
            "raised",
            module=name,
            gil=gil(),
            error="".join(traceback.format_exception_only(type(error), error)).strip(),
            missing=missing,
            attribute=kind_of(missing) if missing and is_attribute(missing) else "",
            detail=traceback.format_exc(),
        )
    else:
        report.write("imported", module=name, gil=gil(), seconds=time.perf_counter() - began)
        if deferred:
            import_deferred(report, known)


def lazy_modules() -> set[str]:
    """Names of what was imported lazily (PEP 810) and not used yet; some are of attributes.

    Without the standard library, which runs without the GIL.
    """
    names = getattr(sys, "lazy_modules", ())
    return {name for name in names if name.partition(".")[0] not in sys.stdlib_module_names}


def import_deferred(report: ChildReport, known: set[str]) -> None:
    """Import what modules imported lazily, other than ``known``, as their first use would, until nothing is left."""
    done = set(known)
    while waiting := sorted(lazy_modules() - done):
        for name in waiting:
            done.add(name)
            report.write("deferring", module=name, gil=gil())
            error = ""
            try:
                importlib.import_module(name)
            except BaseException as failure:  # noqa: BLE001  (as for any import)
                if not (isinstance(failure, ModuleNotFoundError) and failure.name == name and is_attribute(name)):
                    error = f"{type(failure).__name__}: {failure}"  # traceback would import more, for suggestions
            report.write("deferred", module=name, gil=gil(), error=error)


def is_attribute(name: str) -> bool:
    """Whether the last part of a name is an attribute of the module before it."""
    parent, _, last = name.rpartition(".")
    try:
        return hasattr(sys.modules.get(parent), last)
    except Exception:  # noqa: BLE001  (a module's own __getattr__)
        return False


def kind_of(name: str) -> str:
    """Name the type of an attribute of a loaded module; whatever can be called is a function."""
    parent, _, last = name.rpartition(".")
    found = getattr(sys.modules[parent], last)
    return "function" if callable(found) else type(found).__name__


def slots_of(module: Any) -> tuple[bool, dict[int, int]]:
    """Return whether a loaded extension module has one-phase initialisation, and else its slots: values by id.

    Raises LookupError if it has no definition, or one that this cannot read.
    """
    import ctypes

    if not isinstance(module, types.ModuleType) or platform.python_implementation() != "CPython":
        raise LookupError("no module of CPython")
    definition_of = ctypes.pythonapi.PyModule_GetDef
    definition_of.restype, definition_of.argtypes = ctypes.c_void_p, [ctypes.py_object]
    definition = definition_of(module)
    if not definition:
        return False, slots_at(exported(module), new=True)
    # PyModuleDef: object header; m_init, m_index, m_copy; m_name, m_doc, m_size, m_methods, m_slots. All one word wide.
    word = ctypes.sizeof(ctypes.c_void_p)
    slot = ctypes.c_void_p.from_address(definition + object.__basicsize__ + 7 * word).value
    return (False, slots_at(slot, new=False)) if slot else (True, {})


def exported(module: Any) -> int:
    """Return where the slots are of a module that has an export hook instead of a definition (PEP 793).

    CPython calls the hook at each import, so that it may be called once more. Raises LookupError if there is none.
    """
    import ctypes

    spec = module.__spec__
    try:
        hook = ctypes.PyDLL(spec.origin)[f"PyModExport_{spec.name.rpartition('.')[2]}"]
    except (OSError, AttributeError) as error:
        raise LookupError("no definition and no export hook") from error
    hook.restype, hook.argtypes = ctypes.c_void_p, []
    found = hook()
    if not found:
        raise LookupError("no slots")
    return int(found)


def slots_at(slot: int, *, new: bool, depth: int = 0) -> dict[int, int]:
    """Read a list of slots: ``new`` of PySlot, else of PyModuleDef_Slot; lists in it count as part of it."""
    import ctypes

    word = ctypes.sizeof(ctypes.c_void_p)
    identifier, value_at, size = (ctypes.c_uint16, 8, 16) if new else (ctypes.c_int, word, 2 * word)
    found: dict[int, int] = {}
    for _ in range(MOST_SLOTS):
        number = identifier.from_address(slot).value
        if number == 0:
            return found
        value = ctypes.c_void_p.from_address(slot + value_at).value or 0
        if number in NESTED_SLOTS and depth < MOST_SLOTS:
            found |= slots_at(value, new=NESTED_SLOTS[number], depth=depth + 1) if value else {}
        else:
            found[number] = value
        slot += size
    raise LookupError("no list of slots")


def report_declared(report: ChildReport) -> None:
    """Report the slots of all extension modules that were loaded from files, where they can be read."""
    for name, module in list(sys.modules.items()):
        loader = getattr(getattr(module, "__spec__", None), "loader", None)
        if not isinstance(loader, importlib.machinery.ExtensionFileLoader):
            continue
        try:
            one_phase, slots = slots_of(module)
        except (ImportError, AttributeError, LookupError):  # no ctypes here, or another kind of module
            continue
        report.write("declared", module=name, one_phase=one_phase, slots=slots)


def report_interpreter(report: ChildReport) -> None:
    """Report which Python this is."""
    report.write(
        "interpreter",
        implementation=platform.python_implementation(),
        version=platform.python_version(),
        version_info=list(sys.version_info[:2]),
        free_threaded=bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
        gil=gil(),
        executable=sys.executable,
        gilscope=importlib.util.find_spec("gilscope") is not None,
    )


def module_name(path: str) -> str | None:
    """Return the extension module that a file is: ``a/b.cpython-313t.so`` -> ``a.b``; None if it is something else."""
    for suffix in importlib.machinery.EXTENSION_SUFFIXES:
        if path.endswith(suffix):
            parts = path[: -len(suffix)].split("/")
            if all(part.isidentifier() for part in parts):
                return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    return None


def report_distributions(report: ChildReport) -> None:
    """Report every installed distribution: version, wheel tags, top-level names, extension modules."""
    known = set()
    for distribution in importlib.metadata.distributions():
        name = distribution.metadata["Name"]
        if not name or name in known:  # what comes first on sys.path is what gets imported
            continue
        known.add(name)
        files = [str(path) for path in distribution.files or ()]
        extensions = [(module_name(path), str(distribution.locate_file(path))) for path in files]
        wheel = distribution.read_text("WHEEL") or ""
        top = {path.split("/")[0].split(".")[0] for path in files if path.endswith(".py") or "/" in path}
        top |= set((distribution.read_text("top_level.txt") or "").split())
        report.write(
            "distribution",
            name=name,
            version=distribution.version,
            tags=re.findall(r"^Tag:\s*(\S+)", wheel, re.MULTILINE),
            top=sorted(filter(str.isidentifier, top)),
            extensions=[entry for entry in extensions if entry[0]],
        )


def main() -> None:
    """Carry out the request in ``argv[1]``."""
    request = json.loads(sys.argv[1])
    sys.argv[1:] = []
    sys.path.insert(0, os.getcwd())  # as "python -m" does; started with -P, so that this folder is not on the path
    report = ChildReport(request["report"])
    if request["action"] == "inspect":
        report_interpreter(report)
        report_distributions(report)
    else:
        with watch(report):
            for name in request["modules"]:
                import_one(report, name, deferred=not request["until_gil"])
                if gil() and request["until_gil"]:
                    break
        report_declared(report)
    report.write("end")
    sys.stdout.flush()
    os._exit(0)  # what modules do at exit is not of interest, and may crash


if __name__ == "__main__":
    main()
