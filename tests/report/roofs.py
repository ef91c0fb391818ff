"""The example's result with roofs of the hardware, which it was measured without."""

from __future__ import annotations

import json
from pathlib import Path

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "result.jsonl"


def write_with_roofs(path: Path) -> None:
    """Write a copy of the example whose one and two threads have a roof."""
    header, _, rest = EXAMPLE.read_text(encoding="ascii").partition("\n")
    facts = json.loads(header)
    facts["environment"]["roofs"] = [
        {
            "workers": workers,
            "stream": "triad",
            "bytes_per_s": 2e10 * workers,
            "vector_bits": 256,
            "flops_per_s": 3e10 * workers,
            "fma_flops_per_s": 6e10 * workers,
            "reason": "",
        }
        for workers in (1, 2)
    ]
    path.write_text(json.dumps(facts) + "\n" + rest, encoding="ascii")
