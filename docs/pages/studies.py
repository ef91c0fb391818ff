"""docs/studies.md: what the studies print; about five minutes together."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path

from gilscope.report.study_ipc import render_ipc
from gilscope.report.study_metg import render_metg
from gilscope.report.study_startup import render_startup
from gilscope.studies.document import to_json
from gilscope.studies.kinds import load_study
from pages import quiet
from pages.shared import EXAMPLES, WIDTH, gilscope, terminal

STUDIES: dict[str, tuple[str, Callable[..., str]]] = {
    "metg": ("metg --task 40us --budget 100s", render_metg),
    "startup": ("startup --budget 90s", render_startup),
    "ipc": ("ipc --budget 90s", render_ipc),
}
ENGINES = {
    "engines_metg": ("metg --executors joblib_threading,joblib_loky,dask_client,mpi4py --workers 2", render_metg)
}
"""Of docs/engines.md."""
_ALL = {**STUDIES, **ENGINES}


def document_of(study: str) -> Path:
    """Return where the document of a study is kept."""
    return EXAMPLES / f"study_{study}.json"


def measure(study: str) -> None:
    """Run a study and keep its document, without the path of its interpreter."""
    with tempfile.TemporaryDirectory() as folder:
        command, render = _ALL[study]
        gilscope(*command.split(), "--out", folder)
        found = load_study(Path(folder, f"{command.partition(' ')[0]}.jsonl"))
    document, shown = to_json(found), render(found, width=WIDTH)
    document["environment"]["interpreter"]["executable"] = "python"
    text = json.dumps(document, indent=2) + "\n"
    quiet.keep(document_of(study), text, document["environment"]["checks"], shown)


def section(study: str) -> str:
    """Return what the terminal shows of a study."""
    command, render = _ALL[study]
    return terminal(command, render(load_study(document_of(study)), width=WIDTH))
