"""From which size on functions release the GIL."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from benchmarks.selfbench.release_sizes import KNOWN, complaint
from gilscope.core.errors import UsageError
from gilscope.report.audit import render_audit
from gilscope.report.audit_sizes import sized_table, sized_verdict
from gilscope.studies.audit import Audit
from gilscope.studies.audit.calls import AuditedCall, Change, HeldShare, SizedCall, measure_call
from gilscope.studies.audit.overlay import parse_requirements
from gilscope.studies.audit.sizes import check_sized, parse_sizes, swept
from gilscope.telemetry.holders import trace_availability


def looker(releases: Callable[[int], bool | None]) -> Callable[[int], SizedCall]:
    """Return what looks at a size that is planted."""
    held = HeldShare(value=0.5, low=0.4, high=0.6)
    return lambda n: SizedCall(n=n, releases=releases(n), held=held, per_call_s=1e-8 * n)


@pytest.mark.parametrize("first", [17, 500, 2048, 5121, 1 << 20])
def test_the_first_size_is_found_exactly(first: int) -> None:
    rows, changes = swept(looker(lambda n: n >= first), ())
    assert changes == [Change(last=first - 1, first=first, releases=True)]
    assert rows[0].n < first <= rows[-1].n


def test_sizes_that_are_named_are_those_that_are_shown() -> None:
    rows, changes = swept(looker(lambda n: n >= 300), (100, 200, 400))
    assert [row.n for row in rows] == [100, 200, 400]
    assert changes == [Change(last=299, first=300, releases=True)]


def test_a_single_wrong_look_does_not_move_the_threshold() -> None:
    wrong = {1280}

    def releases(n: int) -> bool:
        if n in wrong:
            wrong.discard(n)
            return n < 1000
        return n >= 1000

    _, changes = swept(looker(releases), (512, 2048))
    assert not wrong
    assert changes == [Change(last=999, first=1000, releases=True)]


def test_what_depends_on_more_than_the_size_keeps_a_wide_interval() -> None:
    calls = iter(range(10**6))
    _, [change] = swept(looker(lambda n: n > 700 or (n > 300 and next(calls) % 2 == 0)), (100, 1000))
    assert change.last <= 700
    assert change.first >= 300


def test_several_changes_are_all_found() -> None:
    rows, changes = swept(looker(lambda n: 300 <= n < 5000), (100, 1000, 10_000))
    assert [change.first for change in changes] == [300, 5000]
    row = AuditedCall(call="m.f({n})", status="ok", interpreter="3.11", sizes=tuple(rows), changes=tuple(changes))
    assert sized_verdict(row) == (
        "m.f({n}) in 3.11 releases the GIL from n = 300 on, then holds the GIL from n = 5,000 on"
    )


def test_what_is_undecided_in_between_stays_in_the_interval() -> None:
    rows, [change] = swept(looker(lambda n: None if 200 < n < 900 else n >= 900), (100, 1000))
    assert (change.last, change.first) == (100, 1000)
    row = AuditedCall(call="m.f({n})", status="ok", interpreter="3.11", sizes=tuple(rows), changes=(change,))
    assert "from some n between 101 and 1,000 on" in sized_verdict(row)
    assert "m.f({n}) in 3.11" in sized_table(row, 80)


def test_a_size_that_cannot_be_tried_says_why() -> None:
    row = AuditedCall(call="m.f({n})", status="ok", sizes=(SizedCall(n=9, reason="MemoryError: "),))
    assert not row.decided
    assert "undecided" in sized_verdict(row)
    assert "n = 9: MemoryError" in render_audit(Audit(calls=(row,)), width=80)


def test_a_call_that_raises_at_every_size_has_failed() -> None:
    if not trace_availability().ok:
        pytest.skip(f"no exact trace here: {trace_availability().reason}")
    row = measure_call("nosuch.f({n})", sizes=())
    assert (row.status, row.sizes) == ("failed", ())
    assert row.reason == "ModuleNotFoundError: No module named 'nosuch'"


def test_sizes_are_read() -> None:
    assert parse_sizes("64KiB,1KiB,1000") == (1000, 1024, 65536)
    assert parse_sizes("auto") == ()
    with pytest.raises(UsageError, match="write it like 1KiB,64KiB,1MiB, or auto"):
        parse_sizes("1KiB,many")


def test_a_call_without_a_place_for_the_size_is_refused() -> None:
    with pytest.raises(UsageError, match="does not say where the size goes"):
        check_sized("zlib.crc32(b'')")


def test_versions_are_read() -> None:
    assert parse_requirements(["numpy==1.26,2", "xxhash == 3.4.1"]) == [
        ("numpy", "1.26"),
        ("numpy", "2"),
        ("xxhash", "3.4.1"),
    ]
    for wrong in ("numpy", "numpy>=2", "numpy==", "--index-url==1"):
        with pytest.raises(UsageError, match="write it like --with"):
            parse_requirements([wrong])


@pytest.mark.measuring
@pytest.mark.parametrize("call", ["zlib.crc32(bytes({n}))", "hashlib.sha256(bytes({n}))"])
def test_the_size_that_the_source_names_is_found(call: str) -> None:
    known = next(one for one in KNOWN if one.call == call)
    row = measure_call(call, sizes=(16, 65536))
    if row.status == "unavailable" or any(one.reason for one in row.sizes):
        assert row.sizes or not trace_availability().ok
        pytest.skip(f"no exact trace here: {row.reason or row.sizes}")
    assert complaint(known, row) == ""
