"""The interpreter inside another process: what it is, and where its state lies in memory.

All of it comes from ``/proc``: the map of its memory, and the files that are mapped, which are read through the root
directory of the process, so that it may be in a container.
"""

from __future__ import annotations

import errno
import os
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NoReturn

from gilscope.core.errors import UnavailableError, UsageError
from gilscope.telemetry.elf import Image, read_image

_NAMES = ("_PyRuntime", "Py_Version", "PyCode_Type")
_LIBPYTHON = re.compile(r"libpython3(\.\d+t?)?\.so")
_LIBC = re.compile(r"libc(\.so\.6|-2\.\d+\.so)$")
_LIBC_VERSION = re.compile(rb"GNU C Library [^\n]{0,200}?version (\d+\.\d+)")
_YAMA = Path("/proc/sys/kernel/yama/ptrace_scope")


@dataclass(frozen=True, slots=True, kw_only=True)
class Interpreter:
    """A CPython in another process."""

    pid: int
    executable: str
    version: str  # 3.11.7
    runtime: int  # address of _PyRuntime
    code_type: int  # address of PyCode_Type
    libc_byte: int  # of a condition variable, that counts its waiters; -1: not known of its C library


def interpreter_of(pid: int) -> Interpreter:
    """Find the interpreter of a running process.

    UsageError if there is no such process, or none that this interpreter can measure; UnavailableError where the system
    does not let it be read.
    """
    if sys.platform != "linux":
        raise UnavailableError("measuring another process needs Linux", "run the program under gilscope gil instead")
    own_byte = _own_libc_byte()
    if pid == os.getpid():
        raise UsageError(f"process {pid} is this one: use GilMonitor, without a pid")
    group = status_of(pid).get("Tgid")
    if group is None:
        raise UsageError(f"there is no process {pid}: ps lists those that run")
    if group != str(pid):
        raise UsageError(f"{pid} is a thread of process {group}: use --pid {group}")
    maps = _maps(pid)
    found = _image_in(pid, maps)
    if found is None:
        raise UsageError(f"process {pid} ({command_of(pid)}) is not CPython: name one that runs Python")
    bias, image = found
    version = _checked_version(pid, image)
    runtime = bias + image.symbols["_PyRuntime"]
    _check_readable(pid, runtime)
    return Interpreter(
        pid=pid,
        executable=executable_of(pid),
        version=version,
        runtime=runtime,
        code_type=bias + image.symbols.get("PyCode_Type", 0),
        libc_byte=_libc_byte(pid, maps, own_byte),
    )


def runs_python(pid: int) -> bool:
    """Whether a process runs CPython, as far as this one may see."""
    try:
        return _image_in(pid, _maps(pid)) is not None
    except (UsageError, UnavailableError):
        return False


def command_of(pid: int) -> str:
    """The name the kernel has of a process, like ``python3.11``; empty if there is none."""
    try:
        return Path(f"/proc/{pid}/comm").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def executable_of(pid: int) -> str:
    """Path of the program file of a process, or its name."""
    try:
        return os.readlink(f"/proc/{pid}/exe").removesuffix(" (deleted)")
    except OSError:
        return command_of(pid)


def status_of(pid: int, task: int | None = None) -> dict[str, str]:
    """What ``/proc`` tells of a process or of one of its threads; empty if it has ended."""
    path = f"/proc/{pid}/status" if task is None else f"/proc/{pid}/task/{task}/status"
    try:
        text = Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return {}
    return {key: value.strip() for key, _, value in (line.partition(":") for line in text.splitlines())}


def _maps(pid: int) -> Mapping[str, int]:
    """Where each mapped file begins in memory, by its path inside the process."""
    try:
        text = Path(f"/proc/{pid}/maps").read_text(encoding="utf-8", errors="surrogateescape")
    except PermissionError:
        _refuse(pid)
    except OSError:
        raise UsageError(f"process {pid} has ended") from None
    if not text:
        raise UsageError(
            f"process {pid} ({command_of(pid)}) has no memory to read: it has ended, or is the kernel's own"
        )
    found: dict[str, int] = {}
    for line in text.splitlines():
        fields = line.split(maxsplit=5)
        if len(fields) == 6 and fields[5].startswith("/") and int(fields[2], 16) == 0:
            found.setdefault(fields[5], int(fields[0].partition("-")[0], 16))
    return found


def _image_in(pid: int, maps: Mapping[str, int]) -> tuple[int, Image] | None:
    """What the interpreter's file says, and how far it was moved; None if there is none."""
    libraries = [path for path in maps if _LIBPYTHON.search(os.path.basename(path))]
    program = executable_of(pid)
    for path in [*libraries, *(path for path in maps if path.removesuffix(" (deleted)") == program)]:
        name = f"/proc/{pid}/exe" if path not in libraries else f"/proc/{pid}/root{path}"
        try:
            facts = os.stat(name)
            image = _image(name, facts.st_dev, facts.st_ino, facts.st_mtime_ns)
        except PermissionError:
            _refuse(pid)
        except (OSError, ValueError):  # replaced or deleted meanwhile; not for this machine
            continue
        if "_PyRuntime" in image.symbols:
            return maps[path] - image.base, image
    return None


@lru_cache(maxsize=64)
def _image(name: str, *_identity: int) -> Image:
    with open(name, "rb") as file:
        return read_image(file, _NAMES)


def _checked_version(pid: int, image: Image) -> str:
    version = image.words.get("Py_Version", 0) & 0xFFFFFFFF
    if not version:
        raise UsageError(f"process {pid} runs a Python older than 3.11: gilscope measures 3.11 and newer")
    text = f"{version >> 24}.{version >> 16 & 255}.{version >> 8 & 255}"
    if version >> 16 != sys.hexversion >> 16:
        own = f"{sys.version_info.major}.{sys.version_info.minor}"
        raise UsageError(
            f"process {pid} runs Python {text}, and this is {own}: install gilscope for it and run "
            f"{executable_of(pid)} -m gilscope gil --pid {pid} (gilscope env lists interpreters)"
        )
    return text


def _check_readable(pid: int, address: int) -> None:
    from gilscope.telemetry import _gilprobe

    refused = _gilprobe.refused(pid, address)
    if refused == errno.ESRCH:
        raise UsageError(f"process {pid} has ended")
    if refused:
        _refuse(pid, refused)


def _refuse(pid: int, why: int = errno.EPERM) -> NoReturn:
    """Say why the system does not let a process be read, and what helps."""
    owner, scope = status_of(pid).get("Uid", "").split()[:1], _scope()
    command = f"sudo {sys.executable} -m gilscope gil --pid {pid}"
    if os.geteuid() != 0 and owner and owner[0] != str(os.geteuid()):
        raise UnavailableError(f"process {pid} belongs to another user (uid {owner[0]})", f"use {command}")
    if os.geteuid() != 0 and scope == "1":
        raise UnavailableError(
            f"process {pid} may be read by its parent process only (kernel.yama.ptrace_scope is 1)",
            f"use {command}, start the program under gilscope gil, or call gilscope.allow_attach() in it",
        )
    if scope == "3":
        raise UnavailableError(
            "no process may read another one (kernel.yama.ptrace_scope is 3)", "run the program under gilscope gil"
        )
    if os.geteuid() != 0:
        raise UnavailableError(f"the system does not let process {pid} be read ({os.strerror(why)})", f"use {command}")
    raise UnavailableError(
        f"the system does not let process {pid} be read ({os.strerror(why)})",
        "in a container, start it with the capability SYS_PTRACE (docker run --cap-add SYS_PTRACE), "
        "or run the program under gilscope gil",
    )


def _scope() -> str:
    try:
        return _YAMA.read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _own_libc_byte() -> int:
    """The byte of a condition variable where the C library of this process counts waiters, as tried; -1: not known."""
    try:
        from gilscope.telemetry import _gilprobe

        byte = _gilprobe.waiters_from()["byte"]
    except (ImportError, RuntimeError) as error:
        raise UnavailableError(
            f"the compiled GIL probe does not work here ({error})", "gilscope doctor says more"
        ) from error
    return -1 if byte is None else byte


def _libc_byte(pid: int, maps: Mapping[str, int], own_byte: int) -> int:
    """The same of another process: tried if it has the same file, else by its version."""
    from gilscope.telemetry import _gilprobe

    for name in _files(pid, maps, _LIBC):
        try:
            if any(os.path.samefile(name, path) for path in _files(os.getpid(), _maps(os.getpid()), _LIBC)):
                return own_byte
            version = _LIBC_VERSION.search(Path(name).read_bytes())
        except OSError:
            continue
        byte = _gilprobe.waiters_byte(version[1].decode()) if version else None
        return -1 if byte is None else byte
    return -1


def _files(pid: int, maps: Mapping[str, int], pattern: re.Pattern[str]) -> Iterator[str]:
    return (f"/proc/{pid}/root{path}" for path in maps if pattern.search(os.path.basename(path)))
