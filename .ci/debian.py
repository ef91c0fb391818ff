"""Tries gilscope in roots of Debian: another processor, under qemu, and newer C libraries.

    python .ci/debian.py [--roots DIR] [--json DIR] [--only CHECK] ROOT...

ROOT is a release and a processor: trixie-arm64, bookworm-arm64, trixie-amd64, bookworm-amd64. Each is unpacked once by
debootstrap, into ``build/roots`` or DIR. The wheel for its Python is built here, cross-compiled where the processor is
another, and installed there without a compiler. Then, inside the root: ``conformance``, every kernel's answers under
every executor at size XS; ``probe``, each part of the GIL probe, verified or refused with the reason; ``profile`` of
two functions; and, where nothing is emulated, ``waiters``, the number of threads that wait for the GIL where it is
known (``count_waiters.py``). An emulated processor says nothing about time, so no figure of time is kept of it.

``--json DIR`` keeps what was found as ``DIR/ROOT.json``; ``python docs/update.py wheels`` makes the tables of
docs/wheels.md from that. Needs root, Debian's packages (what is missing is installed), and ``make .venv/.tools``; for
each Python of a root one of the same version here, where ``make wheels-local`` looks for them. Exit status 1 where a
test failed, a function could not be profiled, or waiting threads were counted wrongly.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import wheels
from wheels import ROOT, TESTED_WITH, Failed, python_of, run, say

PYTHONS = {"trixie": "3.13", "bookworm": "3.11"}
MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
HERE = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
MIRROR = "http://deb.debian.org/debian"
INCLUDED = (
    "python3,python3-dev,libgomp1"  # the headers are for cross-compiling, the runtime for wheels that are not repaired
)
# "max", qemu's default, has SVE and SME, and the OpenBLAS of NumPy's wheels multiplies wrongly on them (qemu 7.2).
EMULATED = {"arm64": "cortex-a72"}
PROGRAM = """\
def in_python(n):
    return sum(i * i % 7 for i in range(n))


def in_c(n):
    import hashlib

    return hashlib.sha256(bytes(n)).hexdigest()
"""
PROFILE = (
    "gilscope profile two.py:in_python two.py:in_c --arg 20000 --executors threads,processes --workers 2 --budget 20s"
)
PROBE = (
    "import json, platform; from gilscope.telemetry import _gilprobe as p; print(json.dumps("
    "{'libc': ' '.join(platform.libc_ver()), 'python': platform.python_version(), 'machine': platform.machine(), "
    "'parts': p.self_check()}))"
)


@dataclass(frozen=True)
class Root:
    """A release of Debian for a processor, unpacked in a folder."""

    release: str
    processor: str
    folder: Path

    @property
    def python(self) -> str:
        return PYTHONS[self.release]

    @property
    def emulated(self) -> bool:
        return self.processor != HERE

    @property
    def packages(self) -> Path:
        """What is installed by hand goes here, and Debian's Python finds it."""
        return self.folder / f"usr/local/lib/python{self.python}/dist-packages"

    def inside(self, *command: str, cwd: str = "/tried") -> str:
        """Run a program in the root, with its own /proc and nothing of our environment; return what it printed."""
        script = (
            'root=$1 cwd=$2; shift 2; mount -t proc proc "$root/proc"; mount --rbind /dev "$root/dev"; '
            'mount --rbind /sys "$root/sys"; exec chroot "$root" /usr/bin/env -i -C "$cwd" PATH=/usr/bin:/bin '
            'HOME=/root LANG=C.UTF-8 "$@"'
        )
        words = [f"QEMU_CPU={EMULATED[self.processor]}"] if self.emulated else []
        unshare = ("unshare", "--mount", "--propagation", "private", "bash", "-euc", script, "inside")
        return run(*unshare, self.folder, cwd, *words, *command)


# Roots ----------------------------------------------------------------------------------------------------------------


def install_programs(*packages: str) -> None:
    """Install Debian's packages that are missing here."""
    missing = [name for name in packages if not Path(f"/var/lib/dpkg/info/{name}.list").exists()]
    if missing:
        run("apt-get", "update", "-qq")
        run("apt-get", "install", "-qq", "-y", "--no-install-recommends", *missing)


def emulate(processor: str) -> None:
    """Have the kernel start programs of another processor by qemu, also inside a root."""
    machine = MACHINES[processor]
    install_programs("qemu-user-static", "binfmt-support", f"gcc-{machine}-linux-gnu")
    known = Path("/proc/sys/fs/binfmt_misc")
    if not (known / "status").exists():
        run("mount", "-t", "binfmt_misc", "binfmt_misc", known)
    if not (known / f"qemu-{machine}").exists():
        run("update-binfmts", "--enable", f"qemu-{machine}")


def unpack(root: Root) -> None:
    """Make the root, unless it is there."""
    if (root.folder / "unpacked").exists():
        return
    install_programs("debootstrap")
    shutil.rmtree(root.folder, ignore_errors=True)
    root.folder.mkdir(parents=True)
    what = ("--variant=minbase", f"--arch={root.processor}", f"--include={INCLUDED}")
    run("debootstrap", *what, root.release, root.folder, MIRROR)
    (root.folder / "unpacked").touch()


# The wheel ------------------------------------------------------------------------------------------------------------


def cross_compile(python: str, sdist: Path, folder: Path, root: Root) -> Path:
    """Build the wheel of another processor: its compiler, and the headers and settings of the root's Python."""
    machine = MACHINES[root.processor]
    settings = f"_sysconfigdata__{machine}-linux-gnu"
    run(python, "-m", "venv", folder / "build-venv")
    pip = (python_of(folder / "build-venv"), "-m", "pip")
    run(*pip, "install", "--quiet", "setuptools>=77", "cython>=3.1")
    (folder / "settings").mkdir()
    shutil.copy2(root.folder / f"usr/lib/python{root.python}/{settings}.py", folder / "settings")
    env = {
        "GILSCOPE_ISA": "portable",
        "_PYTHON_HOST_PLATFORM": f"linux-{machine}",
        "_PYTHON_SYSCONFIGDATA_NAME": settings,
        "PYTHONPATH": str(folder / "settings"),
        "CFLAGS": f"--sysroot={root.folder} -I{root.folder}/usr/include/python{root.python}",
        "LDFLAGS": f"--sysroot={root.folder}",
    }
    run(*pip, "wheel", "--no-deps", "--no-build-isolation", "-w", folder / "raw", sdist, env=env)
    [wheel] = (folder / "raw").glob("*.whl")
    return wheel


def install(root: Root) -> str:
    """Build the wheel and put it, and what its tests need, into the root; return the wheel's name."""
    python = wheels.interpreters(())[root.python]
    with tempfile.TemporaryDirectory(prefix="gilscope-debian-") as name:
        folder = Path(name)
        sdist = wheels.build_sdist(folder)
        if root.emulated:
            wheel = cross_compile(python, sdist, folder, root)
        else:
            wheel = wheels.repair(wheels.build_wheel(python, sdist, folder), folder)
        machine = MACHINES[root.processor]
        tags = ["linux", "manylinux2014", *(f"manylinux_2_{minor}" for minor in range(17, 42))]
        where = [word for tag in tags for word in ("--platform", f"{tag}_{machine}")]
        abis = [word for abi in (f"cp{root.python.replace('.', '')}", "abi3", "none") for word in ("--abi", abi)]
        shutil.rmtree(root.packages, ignore_errors=True)
        what = ("--no-compile", "--only-binary", ":all:", "--python-version", root.python, "--implementation", "cp")
        pip = (python_of(folder / "build-venv"), "-m", "pip", "install", "--quiet")
        run(*pip, "--target", root.packages, *what, *where, *abis, wheel, *TESTED_WITH)
    tried = root.folder / "tried"
    shutil.rmtree(tried, ignore_errors=True)
    shutil.copytree(ROOT / "tests", tried / "tests", ignore=shutil.ignore_patterns("__pycache__"))
    for path in (ROOT / "pyproject.toml", ROOT / ".ci/count_waiters.py"):
        shutil.copy2(path, tried)
    (tried / "two.py").write_text(PROGRAM, encoding="utf-8")
    return wheel.name


# What is tried --------------------------------------------------------------------------------------------------------


def conformance(root: Root) -> dict[str, Any]:
    """Run the conformance tests; return how many passed and were skipped by executor, and the reasons of those."""
    words = ("-q", "-p", "no:cacheprovider", "--junitxml=conformance.xml", "tests/conformance")
    run_all = "python3 -m pytest " + " ".join(words) + " || true"  # what failed is read from the file
    printed = root.inside("bash", "-c", run_all)
    report = root.folder / "tried/conformance.xml"
    if not report.exists():
        raise Failed(printed[-3000:])
    counts: dict[str, Counter[str]] = {}
    reasons: Counter[str] = Counter()
    kernels: set[str] = set()
    for test in ElementTree.parse(report).iter("testcase"):
        executor = re.search(r"@([a-z]+)", test.get("name", ""))
        kernels.update(re.findall(r"\[(\w+)/", test.get("name", "")))
        skipped = test.find("skipped")
        failed = test.find("failure") is not None or test.find("error") is not None
        outcome = "failed" if failed else "passed" if skipped is None else "skipped"
        counts.setdefault(executor[1] if executor else "others", Counter())[outcome] += 1
        if skipped is not None:
            reasons[skipped.get("message", "")] += 1
    fine = not any(count["failed"] for count in counts.values())
    return {"counts": counts, "skipped": reasons, "kernels": sorted(kernels), "fine": fine}


def probe(root: Root) -> dict[str, Any]:
    """Return the C library, the interpreter, and why each part of the GIL probe is refused; empty: verified."""
    return {**json.loads(root.inside("python3", "-c", PROBE)), "fine": True}


def profile(root: Root) -> dict[str, Any]:
    """Profile two functions; return how each case ended."""
    printed = root.inside("python3", "-m", *PROFILE.split(), "--quiet", "--json")
    found, _ = json.JSONDecoder().raw_decode(printed[printed.index("{") :])  # what went to standard error follows
    ended = {case["case"]: case["reason"] or "measured" for case in found["cases"]}
    return {"cases": ended, "fine": all(case["status"] in ("ok", "too_noisy") for case in found["cases"])}


def waiters(root: Root) -> dict[str, Any]:
    """Return what was read where it is known how many threads wait for the GIL."""
    if root.emulated:
        return {"lines": [], "fine": True}
    lines = root.inside("bash", "-c", "python3 count_waiters.py || true").splitlines()
    return {"lines": lines, "fine": len(lines) > 2 and not any("WRONG" in line for line in lines)}


CHECKS: dict[str, Callable[[Root], dict[str, Any]]] = {
    "probe": probe,
    "waiters": waiters,
    "profile": profile,
    "conformance": conformance,
}


def main() -> None:
    """Do all of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("roots", nargs="+", metavar="ROOT", choices=[f"{r}-{p}" for r in PYTHONS for p in MACHINES])
    parser.add_argument("--roots", dest="folder", metavar="DIR", type=Path, default=ROOT / "build/roots")
    parser.add_argument("--json", metavar="DIR", type=Path)
    parser.add_argument("--only", metavar="CHECK", choices=CHECKS, help="only this; a missing root is made first")
    options = parser.parse_args()
    if os.geteuid():
        parser.error("run it as root: it changes into the roots")
    began, failed = time.monotonic(), []
    for name in options.roots:
        release, _, processor = name.partition("-")
        root = Root(release, processor, options.folder.resolve() / name)
        file = options.json / f"{name}.json" if options.json else None
        found: dict[str, Any] = {"root": name, "emulated": EMULATED[processor] if root.emulated else ""}
        if root.emulated:
            emulate(processor)
        if options.only and root.folder.exists():
            found = json.loads(file.read_text(encoding="utf-8")) if file and file.exists() else found
        else:
            unpack(root)
            say(f"{name}: unpacked", began)
            found["wheel"] = install(root)
            say(f"{name}: {found['wheel']} is installed", began)
        for check in [options.only] if options.only else CHECKS:
            found[check] = CHECKS[check](root)
            say(f"{name}: {check}: {json.dumps(found[check])}", began)
            failed += [] if found[check]["fine"] else [f"{name}: {check}"]
        if file:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    sys.exit(f"failed: {', '.join(failed)}" if failed else 0)


if __name__ == "__main__":
    main()
