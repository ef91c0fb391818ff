"""Fill the output sections of docs/audit.md from real audits, so that no number in it was ever typed.

Run: ``python docs/update_audit.py [--measure PYTHON]``. With ``--measure`` and a free-threaded interpreter that has
NumPy, the audits are made again, of a small package with an extension module of the old kind among others; without it
those that are kept in docs/examples are laid out again.
"""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

from sections import fill_terminal

from gilscope.report.audit import render_audit
from gilscope.studies.audit import Audit

PAGE = Path(__file__).resolve().parent / "audit.md"
EXAMPLES = PAGE.parent / "examples"
WIDTH = 110
COMMANDS = {
    "modules": ["legacy", "numpy", "json"],
    "calls": ["--call", "zlib.crc32(bytes(10**7))", "--call", "json.dumps(list(range(100000)))"],
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


def measure(python: str) -> None:
    """Make the audits, in a folder that holds the package; no path of this machine gets into what is kept."""
    for name, words in COMMANDS.items():
        with tempfile.TemporaryDirectory() as folder:
            plant(python, Path(folder))
            command = [sys.executable, "-m", "gilscope", "audit", *words, "--json"]
            command += ["--python", python] if name == "modules" else []
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
            document: dict[str, Any] = json.loads(done.stdout)
        if document["interpreter"]:
            document["interpreter"]["executable"] = f"python{document['interpreter']['label']}"
        for row in document["extensions"]:
            row["file"] = Path(row["file"]).name
        example(name).write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def output(name: str) -> str:
    """Return what the terminal shows of an audit."""
    found = Audit.of(json.loads(example(name).read_text(encoding="utf-8")))
    words = " ".join(f"'{word}'" if "(" in word else word for word in COMMANDS[name])
    return f"$ gilscope audit {words}\n\n{render_audit(found, width=WIDTH)}".rstrip()


def filled(text: str) -> str:
    """Return the page's text with its sections replaced."""
    return fill_terminal(text, output)


def main(arguments: list[str]) -> None:
    """Measure if asked to, and write the page."""
    if arguments[:1] == ["--measure"]:
        measure(arguments[1])
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
