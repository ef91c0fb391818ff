"""Extension modules with known declarations, compiled while the tests run."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from tests.pythons import need_compiler

HERE = Path(__file__).parent

USED, NOT_USED = "-DGIL=(void*)0", "-DGIL=(void*)1"
NO_OTHERS, OTHERS, OWN_GIL = (f"-DINTERPRETERS=(void*){value}" for value in range(3))
ONE_PHASE = "-DONE_PHASE"


def plant(target: Path, module: str, *flags: str, include: str | None = None) -> Path:
    """Compile ``planted.c`` as a module.

    Parameters
    ----------
    target : Path
        The file to write.
    include : str or None
        Folder of an interpreter's headers. None: a stand-in for them; the file can be read but not loaded.
    """
    folder = target.parent
    folder.mkdir(parents=True, exist_ok=True)
    if include is None:
        shutil.copyfile(HERE / "standin.h", folder / "Python.h")
        include = str(folder)
    short = module.rpartition(".")[2]
    command = [
        need_compiler(),
        "-shared",
        "-fPIC",
        "-O1",
        f"-I{include}",
        f'-DNAME="{module}"',
        f"-DINIT=PyInit_{short}",
    ]
    subprocess.run([*command, *flags, str(HERE / "planted.c"), "-o", str(target)], check=True, timeout=120)
    return target
