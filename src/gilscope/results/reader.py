"""Reading a result, whatever happened to the file: its contents, or one clear line."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, TypeVar

from gilscope.core.errors import ForeignFileError, NewerSchemaError, ResultFileError
from gilscope.core.records import Block, CaseRecord, ResultSet
from gilscope.results.codec import decode_block, decode_case_record, decode_diagnostic, decode_study
from gilscope.results.environment import check_environment
from gilscope.results.schema import MAX_LINE_BYTES, MIGRATIONS, RESULT_NAME, SCHEMA, SCHEMA_VERSION, Format, Line

T = TypeVar("T")

MALFORMED = (ValueError, KeyError, TypeError, RecursionError)
"""What parsing and decoding raise on foreign contents: TypeError where a field of Study is missing, RecursionError on
absurd nesting."""


def load(path: Path | str) -> ResultSet:
    """Read a result file, or ``result.jsonl`` in a folder.

    Raises ForeignFileError if gilscope did not write it, NewerSchemaError if a newer one did, and ResultFileError if it
    cannot be read or is damaged elsewhere than in its last line. Line by line; time and memory are linear in the size
    of the file. Nothing is executed or imported.
    """
    file_path = Path(path)
    if file_path.is_dir():
        file_path = file_path / RESULT_NAME
    form = Format(schema=SCHEMA, version=SCHEMA_VERSION, migrations=MIGRATIONS)
    return read_file(file_path, lambda file: _read(file, str(file_path), form))


def read_file(path: Path, read: Callable[[BinaryIO], T]) -> T:
    """Open a file that may be anything, and read it.

    Raises ForeignFileError or ResultFileError if it is not a regular file or cannot be read, and whatever ``read``
    raises.
    """
    if not path.exists():
        raise ResultFileError(f"{path}: there is no such file")
    if not path.is_file():
        raise ForeignFileError(f"{path} is not a regular file, so not a result of gilscope")
    try:
        with path.open("rb") as file:
            return read(file)
    except OSError as error:
        raise ResultFileError(f"{path} cannot be read: {error.strerror}") from None


def _read(file: BinaryIO, path: str, form: Format) -> ResultSet:
    header = read_header(file, path, form, _check_header)
    cases: dict[str, CaseRecord] = {}
    blocks: list[Block] = []
    diagnostics: list[Line] = []
    resumed: list[Line] = []
    unknown: dict[str, None] = {}
    warnings: list[str] = []
    for number, line in read_lines(file, path, form, header["schema_version"], warnings):
        try:
            if "block" in line:
                blocks.append(decode_block(line["block"]))
            elif "case" in line:
                record = decode_case_record(line["case"])
                cases[record.case.id] = record
            elif "diagnostic" in line:
                diagnostics.append(decode_diagnostic(line["diagnostic"]))
            elif "resumed" in line:
                resumed.append(_object(line["resumed"]))
                _check_header(resumed[-1])
            else:
                unknown.update(dict.fromkeys(line))
        except MALFORMED as error:
            raise damaged(path, f"line {number}", error) from None
    warnings += left_out(unknown)
    return ResultSet(
        path=path,
        tool_version=header["tool_version"],
        study=(resumed[-1] if resumed else header)["study"],
        environment=header["environment"],
        cases=cases,
        blocks=tuple(blocks),
        diagnostics=tuple(diagnostics),
        resumed=tuple(resumed),
        warnings=tuple(warnings),
    )


def read_header(file: BinaryIO, path: str, form: Format, check: Callable[[Line], None]) -> Line:
    """Read the first line and return it in the present version; its ``schema_version`` is the one it was written in.

    ``check(header)`` raises one of MALFORMED for a wrong field. Raises ForeignFileError, NewerSchemaError or
    ResultFileError.
    """
    data = file.readline(MAX_LINE_BYTES)
    if not data:
        raise ForeignFileError(f"{path} is empty: nothing was measured")
    try:
        header = parse_object(data)
    except MALFORMED:
        header = {}
    if header.get("schema") != form.schema:
        raise ForeignFileError(f"{path} is not a result of gilscope")
    version = header.get("schema_version")
    if type(version) is not int or version < 1:
        raise ResultFileError(f"{path} has no valid schema version")
    if version > form.version:
        raise NewerSchemaError(
            f"{path} was written by a newer gilscope (schema {version}, this one reads up to {form.version}): "
            "update with: pip install -U gilscope"
        )
    header = _migrated(header, version, form)
    try:
        check(header)
    except MALFORMED as error:
        raise ResultFileError(f"{path} has a damaged header: {_one_line(error)}") from None
    return {**header, "schema_version": version}


def _check_header(header: Line) -> None:
    """Check what the header and a resumption have in common."""
    for name, kind in (("tool_version", str), ("study", dict), ("environment", dict)):
        if not isinstance(header.get(name), kind):
            raise ValueError(f"{name} is missing or of the wrong type")
    decode_study(header["study"])
    check_environment(header["environment"])


def read_lines(
    file: BinaryIO, path: str, form: Format, version: int, warnings: list[str]
) -> Iterator[tuple[int, Line]]:
    """Yield number and content of every line after the header; a torn last one becomes a warning.

    Raises ResultFileError if another line is damaged.
    """
    number, data = 2, file.readline(MAX_LINE_BYTES)
    while data:
        following = file.readline(MAX_LINE_BYTES)
        if len(data) == MAX_LINE_BYTES and not data.endswith(b"\n"):
            raise ResultFileError(f"{path}, line {number} is longer than any gilscope writes")
        try:
            line = parse_object(data)
        except MALFORMED:
            if following:
                raise ResultFileError(f"{path}, line {number} is damaged") from None
            warnings.append(f"the last line (number {number}) was torn and was left out")
            return
        yield number, _migrated(line, version, form)
        number, data = number + 1, following


def damaged(path: str, where: str, error: Exception) -> ResultFileError:
    """Return the error about damaged or foreign contents."""
    return ResultFileError(f"{path}, {where} is damaged: {_one_line(error)}")


def left_out(unknown: Mapping[str, None]) -> list[str]:
    """Return the warning about unknown kinds of lines, which later versions may write."""
    return [f"lines of unknown kind were left out: {', '.join(sorted(unknown))[:200]}"] if unknown else []


def _migrated(line: Line, version: int, form: Format) -> Line:
    for step in range(version, form.version):
        line = form.migrations[step](line)
    return line


def parse_object(data: bytes) -> Line:
    """Parse one line or file: a JSON object with finite numbers only. Raises one of MALFORMED for anything else."""
    return _object(json.loads(data.decode("utf-8"), parse_constant=_refuse, parse_float=_finite))


def is_line(data: bytes) -> bool:
    """Whether bytes are one whole line of a result."""
    try:
        parse_object(data)
    except MALFORMED:
        return False
    return True


def _object(value: object) -> Line:
    if not isinstance(value, dict):
        raise ValueError("not an object")
    return value


def _refuse(text: str) -> float:
    raise ValueError(f"{text} is no number")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is too large")
    return number


def _one_line(error: BaseException) -> str:
    if isinstance(error, KeyError):
        return f"{error.args[0]!r} is missing"
    return " ".join(str(error).split())[:200] or type(error).__name__
