"""docs/audit.md: audits of modules, a small one with an extension module of the old kind among them, and of calls."""

from __future__ import annotations

import json
import subprocess
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

from gilscope.env.interpreters import locate
from gilscope.report.audit import render_audit
from gilscope.studies.audit import Audit
from pages.shared import EXAMPLES, WIDTH, gilscope, terminal

FREE_THREADED = "3.13t"  # gilscope env add 3.13t
COMMANDS = {
    "modules": ["legacy", "numpy", "json"],
    "calls": ["--call", "zlib.crc32(bytes(10**7))", "--call", "json.dumps(list(range(100000)))"],
    "sizes": ["--call", "hashlib.sha256(bytes({n}))", "--n", "auto"],
}
ASK = "import sysconfig as s; print(s.get_path('include')); print(s.get_config_var('EXT_SUFFIX'))"


def example(name: str) -> Path:
    """Return where the document of an audit is kept."""
    return EXAMPLES / f"audit_{name}.json"


def plant(python: str, folder: Path) -> None:
    """Make the package ``legacy`` for an interpreter."""
    include, suffix = subprocess.run([python, "-c", ASK], capture_output=True, text=True, check=True).stdout.split()
    package = folder / "legacy"
    package.mkdir()
    (package / "__init__.py").write_text("from legacy import _fast\n", encoding="utf-8")
    compiler = (sysconfig.get_config_var("CC") or "cc").split()[0]
    target = package / f"_fast{suffix}"
    subprocess.run([compiler, "-shared", "-fPIC", f"-I{include}", EXAMPLES / "legacy.c", "-o", target], check=True)


def measure(name: str) -> None:
    """Make an audit in a folder that holds the package; no path of this machine gets into what is kept."""
    words = ["audit", *COMMANDS[name], "--json"]
    with tempfile.TemporaryDirectory() as folder:
        if name == "modules":
            python = locate(FREE_THREADED)
            words += ["--python", python]
            plant(python, Path(folder))
        output = gilscope(*words, cwd=folder, stdout=subprocess.PIPE, timeout=300, check=False)  # it fails on legacy
    document: dict[str, Any] = json.loads(output)
    if document["interpreter"]:
        document["interpreter"]["executable"] = f"python{document['interpreter']['label']}"
    for row in document["extensions"]:
        row["file"] = Path(row["file"]).name
    example(name).write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def section(name: str) -> str:
    """Return what the terminal shows of an audit."""
    found = Audit.of(json.loads(example(name).read_text(encoding="utf-8")))
    words = " ".join(f"'{word}'" if "(" in word else word for word in COMMANDS[name])
    return terminal(f"audit {words}", f"\n{render_audit(found, width=WIDTH)}")
