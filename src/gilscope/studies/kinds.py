"""All studies: their files in a folder, as documents, and the JSON Schema of these."""

from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias, cast

from gilscope.core.errors import ForeignFileError, GilscopeError, NewerSchemaError, ResultFileError
from gilscope.results.reader import MALFORMED, damaged, parse_object, read_file
from gilscope.studies.codec import Json, decode, schema_of
from gilscope.studies.document import SCHEMA, SCHEMA_VERSION
from gilscope.studies.ipc_rows import IPC, IpcDocument
from gilscope.studies.metg import METG, MetgDocument
from gilscope.studies.record import FORMAT, AnyKind, read_record
from gilscope.studies.startup import STARTUP, StartupDocument

StudyDocument: TypeAlias = MetgDocument | IpcDocument | StartupDocument

KINDS: Mapping[str, AnyKind] = {"metg": METG, "ipc": IPC, "startup": STARTUP}

# As they are written today, and as earlier versions did.
FILE_NAMES = tuple(name for kind in KINDS.values() for name in (kind.file_name, f"{kind.name}.json"))

_BEGINNING_BYTES = 200  # the schema is named first
MAX_BYTES = 64 << 20  # a document of ten thousand rows has a few MB; larger ones are not ours


def is_study(path: Path) -> bool:
    """Whether a file begins like one that holds a study."""
    try:
        with path.open("rb") as file:
            beginning = file.read(_BEGINNING_BYTES)
    except OSError:
        return False
    return any(f'"{schema}"'.encode() in beginning for schema in (SCHEMA, FORMAT.schema))


def load_study(path: Path, name: str = "") -> StudyDocument:
    """Read what a study (``name``, or any) measured so far, or a document that an earlier version wrote.

    Raises ForeignFileError, NewerSchemaError or ResultFileError, in one line.
    """
    kinds = {name: KINDS[name]} if name else KINDS
    if path.suffix == ".json":
        return of_json(_parsed(path), str(path), kinds)
    kind, record = read_record(path, kinds)
    return cast(StudyDocument, kind.document(record))


def of_json(fields: Mapping[str, Json], path: str, kinds: Mapping[str, AnyKind] = KINDS) -> StudyDocument:
    """Read a document; errors as of ``load_study``."""
    kind = kinds.get(str(fields.get("study")))
    if fields.get("schema") != SCHEMA or kind is None:
        raise ForeignFileError(f"{path} is not a document of gilscope {' or '.join(kinds)}")
    version = fields.get("schema_version")
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise NewerSchemaError(f"{path} was written by a newer gilscope: update with: pip install -U gilscope")
    try:
        return cast(StudyDocument, decode(kind.document_type, fields))
    except MALFORMED as error:
        raise damaged(path, "the document", error) from None


def _parsed(path: Path) -> Mapping[str, Json]:
    data = read_file(path, lambda file: file.read(MAX_BYTES + 1))
    if len(data) > MAX_BYTES:
        raise ResultFileError(f"{path} has more than {MAX_BYTES} bytes: no study is as long")
    try:
        return parse_object(data)
    except MALFORMED:
        raise ForeignFileError(f"{path} is not a JSON document") from None


def study_files(folder: Path) -> dict[str, Path]:
    """Return the file of each study in a folder; of two forms the one that is written today."""
    forms = [(name, folder / file) for name, kind in KINDS.items() for file in (f"{name}.json", kind.file_name)]
    return {name: path for name, path in forms if path.is_file()}  # of two the last counts


def studies_in(folder: Path) -> tuple[dict[str, StudyDocument], tuple[str, ...]]:
    """Return the studies of a folder, and what is wrong with files that should be some."""
    found: dict[str, StudyDocument] = {}
    cautions = []
    for name, path in study_files(folder).items():
        try:
            found[name] = load_study(path, name)
        except GilscopeError as error:
            cautions.append(f"{path.name} is left out: {str(error).removeprefix(str(path)).lstrip(', ')}")
    return found, tuple(cautions)


def json_schema() -> Json:
    """Return the JSON Schema of the documents, made from their types."""
    definitions: dict[str, Json] = {}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"{SCHEMA}, version {SCHEMA_VERSION}",
        "description": "What gilscope metg, ipc and startup found; printed by --json and described in docs/schema.md. "
        "Later versions of gilscope may add fields.",
        "anyOf": [schema_of(kind.document_type, definitions) for kind in KINDS.values()],
        "$defs": definitions,
    }
