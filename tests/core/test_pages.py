"""Large private buffers lie on huge pages where the system gives them, and it is said what they lie on."""

from __future__ import annotations

import pytest

from gilscope.core import pages
from gilscope.core.cases import Case

SMAPS = """\
1000-3000 rw-p 00000000 00:00 0
Rss:                   8 kB
AnonHugePages:         {huge} kB
VmFlags: rd wr
9000-a000 rw-p 00000000 00:00 0
Rss:                   4 kB
AnonHugePages:         0 kB
VmFlags: rd wr
"""


def folder(tree, enabled, shared):
    made = tree / "transparent_hugepage"
    made.mkdir()
    (made / "enabled").write_text(enabled)
    (made / "shmem_enabled").write_text(shared)
    return made


@pytest.mark.parametrize(
    ("enabled", "shared", "found"),
    [
        ("always [madvise] never", "always advise [never]", (True, False)),
        ("[always] madvise never", "always [advise] never", (True, True)),
        ("always madvise [never]", "always advise [never]", (False, False)),
    ],
)
def test_the_system_says_which_memory_gets_huge_pages(tmp_path, enabled, shared, found):
    assert pages.offered(folder(tmp_path, enabled, shared)) == found


def test_a_system_that_does_not_say_gives_none(tmp_path):
    assert pages.offered(tmp_path / "none") is None


@pytest.mark.parametrize(("huge", "kind"), [(8, "huge"), (2, "small"), (0, "small")])
def test_the_kind_is_that_of_most_of_the_mapping(huge, kind):
    assert pages._kind_at(0x2000, SMAPS.format(huge=huge)) == kind


def test_an_address_outside_all_mappings_has_no_kind():
    assert pages._kind_at(0x5000, SMAPS.format(huge=8)) == ""


def test_private_memory_is_zero_and_can_be_written_everywhere():
    memory = pages.private(pages.FROM_BYTES)
    assert memory[0] == memory[-1] == 0
    memory[-1] = 1
    assert pages.kind(memory) in ("huge", "small", "")


def test_only_large_buffers_of_compiled_code_are_kept_apart(monkeypatch):
    monkeypatch.setattr(pages, "offered", lambda: (True, False))
    assert pages.private_only(pages.FROM_BYTES, "cy_nogil")
    assert not pages.private_only(pages.FROM_BYTES - 1, "cy_nogil")
    assert not pages.private_only(pages.FROM_BYTES, "py_loop")


@pytest.mark.parametrize("offered", [None, (True, True), (False, False)])
def test_nothing_is_kept_apart_where_all_memory_is_alike(monkeypatch, offered):
    monkeypatch.setattr(pages, "offered", lambda: offered)
    assert not pages.private_only(pages.FROM_BYTES, "cy_nogil")


def test_t1_of_a_case_on_small_pages_is_on_small_pages():
    case = Case.parse("triad/cy_nogil@processes.smallpages*2#M")
    assert case.t1.id == "triad/cy_nogil@serial.smallpages#M~c8"
