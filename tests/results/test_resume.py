"""Going on with a result: whole lines are kept, torn ones cut, and two writers never mix."""

from __future__ import annotations

import pytest

from gilscope.core.cases import Study
from gilscope.core.errors import ResultFileError, UsageError
from gilscope.results import ResultWriter, load
from tests.results.test_files import ENVIRONMENT, RECORD, STUDY, block


@pytest.fixture
def written(tmp_path):
    """A result that was interrupted after a case and two blocks."""
    path = tmp_path / "result.jsonl"
    with ResultWriter(path, STUDY, ENVIRONMENT, "1.2.3") as result:
        result.case(RECORD)
        result.block(block(0))
        result.block(block(1))
    return path


def resumed(path, study: Study = STUDY) -> ResultWriter:
    return ResultWriter(path, study, ENVIRONMENT, "1.2.3", resume=True)


@pytest.mark.parametrize("torn", [b"", b"{", b'{"block": ', b'{"block": NaN}\n', b"\0" * 100_000, b"\xff"])
def test_what_was_there_stays_and_what_was_torn_goes(written, torn):
    written.write_bytes(written.read_bytes() + torn)
    with resumed(written) as result:
        result.block(block(2))
    back = load(written)
    assert back.blocks == (block(0), block(1), block(2))
    assert back.warnings == ()
    assert [part["tool_version"] for part in back.resumed] == ["1.2.3"]


def test_a_whole_last_line_without_its_line_feed_is_kept(written):
    written.write_bytes(written.read_bytes()[:-1])
    with resumed(written) as result:
        result.block(block(2))
    assert load(written).blocks == (block(0), block(1), block(2))


def test_every_cut_of_a_file_can_be_resumed(written):
    data = written.read_bytes()
    for length in range(data.index(b"\n") + 1, len(data)):
        written.write_bytes(data[:length])
        before = load(written).blocks
        with resumed(written) as result:
            result.block(block(7))
        assert load(written).blocks == (*before, block(7))


def test_two_programs_never_write_one_result(written):
    with resumed(written), pytest.raises(UsageError, match="another gilscope is writing"):
        resumed(written)
    resumed(written).close()  # the lock ends with the writer


def test_the_study_of_a_result_is_the_one_asked_for_last(written):
    longer = Study(**{name: getattr(STUDY, name) for name in STUDY.__slots__ if name != "budget_s"}, budget_s=90.0)
    resumed(written, longer).close()
    assert load(written).study["budget_s"] == 90.0


def test_a_result_that_is_removed_while_it_is_written_is_one_clear_error(written):
    with resumed(written) as result:
        written.unlink()
        with pytest.raises(ResultFileError, match="was removed"):
            result.block(block(2))


def test_nothing_to_resume_is_a_usage_error(tmp_path):
    with pytest.raises(UsageError, match="cannot resume"):
        resumed(tmp_path / "result.jsonl")
