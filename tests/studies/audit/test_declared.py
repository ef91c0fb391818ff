"""What extension modules declare, read from their files."""

from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gilscope.studies.audit.declared import Declaration, declaration_of, read_file
from tests.studies.audit.planting import NO_OTHERS, NOT_USED, ONE_PHASE, OTHERS, OWN_GIL, USED, plant

elf = pytest.mark.skipif(
    sys.platform != "linux" or sys.maxsize < 2**32 or platform.machine() not in ("x86_64", "aarch64", "riscv64"),
    reason="declarations are read from ELF files of x86-64, aarch64 and riscv64 only",
)


def told(free_threading: bool | None, sub_interpreters: str | None) -> Declaration:
    return Declaration(free_threading=free_threading, sub_interpreters=sub_interpreters)  # type: ignore[arg-type]


@elf
@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        pytest.param([NOT_USED, OWN_GIL], told(True, "own_gil"), id="both"),
        pytest.param([NOT_USED, NO_OTHERS], told(True, "no"), id="free threading only"),
        pytest.param([USED, OTHERS], told(False, "shared_gil"), id="the GIL is used"),
        pytest.param([OWN_GIL], told(False, "own_gil"), id="no word about the GIL"),
        pytest.param([], told(False, "shared_gil"), id="an empty table in zeroed memory"),
        pytest.param([ONE_PHASE], told(False, "no"), id="one phase"),
        pytest.param([ONE_PHASE, NOT_USED], told(None, "no"), id="one phase that sets it when it runs"),
        pytest.param([NOT_USED, OWN_GIL, "-s"], told(True, "own_gil"), id="stripped"),
    ],
)
def test_the_slots_are_read_from_the_file(tmp_path: Path, flags: list[str], expected: Declaration) -> None:
    assert read_file(plant(tmp_path / "planted.so", "planted", *flags), "planted") == expected


@elf
def test_packed_relocations_are_read(tmp_path: Path) -> None:
    try:
        file = plant(tmp_path / "planted.so", "planted", NOT_USED, OWN_GIL, "-Wl,-z,pack-relative-relocs")
    except subprocess.CalledProcessError:
        pytest.skip("the linker here cannot pack relocations")
    assert read_file(file, "planted") == told(True, "own_gil")


@elf
def test_modules_are_found_by_their_short_and_by_their_full_name(tmp_path: Path) -> None:
    full = plant(tmp_path / "full.so", "package.planted", NOT_USED)
    short = plant(tmp_path / "short.so", "planted", NOT_USED)
    assert read_file(full, "package.planted") == read_file(short, "package.planted") == told(True, "shared_gil")
    assert read_file(full, "package.other") is None


def test_a_file_of_another_format_tells_nothing(tmp_path: Path) -> None:
    file = tmp_path / "planted.so"
    file.write_bytes(b"\xcf\xfa\xed\xfe" + bytes(1000))
    assert read_file(file, "planted") is None
    assert read_file(tmp_path / "missing.so", "planted") is None


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    file = plant(tmp_path_factory.mktemp("image") / "planted.so", "planted", NOT_USED, OWN_GIL)
    return file.with_name("damaged.so"), file.read_bytes()


@elf
@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_a_damaged_file_is_no_error(image: tuple[Path, bytes], data: st.DataObject) -> None:
    damaged, content = image
    cut = bytearray(content[: data.draw(st.integers(0, len(content)), label="length")])
    for position in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=5), label="positions"):
        if position < len(cut):
            cut[position] ^= data.draw(st.integers(1, 255), label="damage")
    damaged.write_bytes(cut)
    assert read_file(damaged, "planted") in (
        None,
        *(told(free, sub) for free in (True, False, None) for sub in SUPPORT),
    )


SUPPORT = ("own_gil", "shared_gil", "no", None)


@pytest.mark.parametrize(
    ("slots", "expected"),
    [
        (None, told(False, "no")),
        ({1: 0, 2: 0}, told(False, "shared_gil")),
        ({2: 0, 3: 2, 4: 1}, told(True, "own_gil")),
        ({4: 0}, told(False, "shared_gil")),
        ({4: 1, 77: 0}, told(True, None)),
        ({77: 0}, told(None, None)),
    ],
)
def test_slots_mean_what_cpython_says(slots: dict[int, int] | None, expected: Declaration) -> None:
    assert declaration_of(slots) == expected
