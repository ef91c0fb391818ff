"""What a runner does before it serves."""

from __future__ import annotations

import resource
import subprocess
import sys


def test_a_low_limit_of_open_files_is_raised_as_far_as_it_may_be() -> None:
    code = (
        "import resource; from gilscope.runner.runner import _allow_files; _, hard = resource.getrlimit("
        "resource.RLIMIT_NOFILE); resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard)); _allow_files(); "
        "print(*resource.getrlimit(resource.RLIMIT_NOFILE))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    soft, hard = map(int, out.stdout.split())
    assert soft == (16_384 if hard == resource.RLIM_INFINITY else min(hard, 16_384))
