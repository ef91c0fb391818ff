"""Symbols of ELF files, beside what the dynamic linker says of this process."""

from __future__ import annotations

import io
import os
import sys

import pytest

from gilscope.telemetry.elf import read_image

if sys.platform != "linux":
    pytest.skip("ELF files are Linux's", allow_module_level=True)


def test_the_interpreter_says_its_version() -> None:
    found = {}
    with open("/proc/self/maps") as maps:
        paths = {line.split(maxsplit=5)[5].strip() for line in maps if "python" in line and " /" in line}
    for path in sorted(paths):
        if os.path.isfile(path):
            with open(path, "rb") as file:
                try:
                    found |= read_image(file, ("Py_Version", "_PyRuntime")).words
                except ValueError:
                    continue
    assert found["Py_Version"] & 0xFFFFFFFF == sys.hexversion


@pytest.mark.parametrize(
    "content", [b"", b"#!/bin/sh\n", b"\x7fELF\x01" + b"\0" * 100, b"\x7fELF\x02\x01" + b"\xff" * 90]
)
def test_what_is_not_such_a_file_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match="ELF file"):
        read_image(io.BytesIO(content), ("_PyRuntime",))
