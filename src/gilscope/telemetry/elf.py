"""Exported symbols of a 64-bit ELF file: where they will be in memory, and the bytes they begin with."""

from __future__ import annotations

import struct
import sys
from collections.abc import Collection
from dataclasses import dataclass
from typing import BinaryIO

_HEADER = struct.Struct("=16sHHIQQQIHHHHHH")  # Elf64_Ehdr
_SEGMENT = struct.Struct("=IIQQQQQQ")  # Elf64_Phdr
_SECTION = struct.Struct("=IIQQQQIIQQ")  # Elf64_Shdr
_SYMBOL = struct.Struct("=IBBHQQ")  # Elf64_Sym
_NATIVE = (2, 1 if sys.byteorder == "little" else 2)  # 64 bit, our byte order
_LOAD, _SYMTAB, _DYNSYM = 1, 2, 11
_MOST_BYTES = 1 << 26  # of a table; more is not a table
_MOST_PLACES = 1 << 40  # where one may begin


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """What is needed of an ELF file."""

    base: int  # address its first byte is meant for
    symbols: dict[str, int]  # addresses, as the file has them
    words: dict[str, int]  # the first eight bytes of each that has some in the file


def read_image(file: BinaryIO, names: Collection[str]) -> Image:
    """Look up symbols by name; those that are not exported are left out. ValueError if it is not such a file."""
    header = _HEADER.unpack(_bytes(file, 0, _HEADER.size))
    if header[0][:4] != b"\x7fELF" or tuple(header[0][4:6]) != _NATIVE:
        raise ValueError("not a 64-bit ELF file of this byte order")
    segment_at, section_at, segments, sections = header[5], header[6], header[10], header[12]
    loads = [row for row in _rows(file, segment_at, segments, _SEGMENT) if row[0] == _LOAD]
    tables = _rows(file, section_at, sections, _SECTION)
    if any(table[6] >= len(tables) for table in tables if table[1] in (_DYNSYM, _SYMTAB)):
        raise ValueError("the ELF file has symbols without names")
    symbols: dict[str, int] = {}
    for kind in (_DYNSYM, _SYMTAB):
        for table in tables:
            if table[1] == kind and len(symbols) < len(names):
                symbols |= _symbols(file, table, tables[table[6]], set(names) - set(symbols))
    base = min((row[3] - row[2] for row in loads), default=0)
    words = {name: word for name, at in symbols.items() if (word := _word(file, loads, at)) is not None}
    return Image(base=base, symbols=symbols, words=words)


def _bytes(file: BinaryIO, at: int, size: int) -> bytes:
    if size > _MOST_BYTES or at > _MOST_PLACES:
        raise ValueError("a table of the ELF file is too long, or beyond its end")
    file.seek(at)
    found = file.read(size)
    if len(found) != size:
        raise ValueError("the ELF file is cut short")
    return found


def _rows(file: BinaryIO, at: int, count: int, layout: struct.Struct) -> list[tuple[int, ...]]:
    return list(layout.iter_unpack(_bytes(file, at, count * layout.size)))


def _symbols(
    file: BinaryIO, table: tuple[int, ...], strings: tuple[int, ...], names: Collection[str]
) -> dict[str, int]:
    text = _bytes(file, strings[4], strings[5])
    places = {text.find(b"\0" + name.encode() + b"\0") + 1: name for name in names}
    places.pop(0, None)
    rows = _SYMBOL.iter_unpack(_bytes(file, table[4], table[5] // _SYMBOL.size * _SYMBOL.size))
    return {places[row[0]]: row[4] for row in rows if row[0] in places and row[3] != 0}


def _word(file: BinaryIO, loads: list[tuple[int, ...]], address: int) -> int | None:
    for _, _, offset, start, _, size, _, _ in loads:
        if start <= address <= start + size - 8:
            return int.from_bytes(_bytes(file, offset + address - start, 8), sys.byteorder)
    return None
