"""What an extension module declares, read from its file without running any of it.

Multi-phase initialisation has a constant table of slots, with ``Py_mod_gil`` and ``Py_mod_multiple_interpreters``. In a
64-bit ELF file it is found by the relocation that points to the module's name: from ``PyModuleDef.m_name``, or from
the slot ``Py_mod_name`` in the table itself, where a module has an export hook instead of a definition (PEP 793, from
CPython 3.15 on). Modules that fill the table when they run (pybind11), and other file formats, cannot be read this way.
"""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

Support: TypeAlias = Literal["own_gil", "shared_gil", "no"]
"""With a GIL of its own per interpreter, with one GIL for all, in the main interpreter only."""

PY_MOD_MULTIPLE_INTERPRETERS = 3
PY_MOD_GIL = 4
# From CPython 3.15 on module slots have numbers that type slots do not share (PEP 820; CPython's slots_generated.h).
_RENUMBERED: Mapping[int, int] = {84: 1, 85: 2, 86: 3, 87: 4}
_PY_MOD_NAME = 100
_NESTED = (92, 94)  # Py_slot_subslots, Py_mod_slots: lists that count as part of the one they are in
_KNOWN_SLOTS = frozenset(
    (*range(1, 5), *range(_PY_MOD_NAME, 107), 109, 110)
)  # Py_mod_abi and Py_mod_token are the last
_MODULE_SLOTS = _KNOWN_SLOTS | _RENUMBERED.keys() | frozenset(_NESTED)
_MOST_FLAGS = 7  # PySlot.sl_flags: optional, static, the value is cast to a pointer
_GIL_NOT_USED = 1
_SUPPORT: Mapping[int, Support] = {0: "no", 1: "shared_gil", 2: "own_gil"}
_DEFAULT_SUPPORT = 1  # what CPython assumes of modules with multi-phase initialisation

_MOST_BYTES = 1 << 30  # larger than any extension module; a limit for what is read into memory
_MOST_SLOTS = 32
_MOST_NESTED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """What a module declares."""

    free_threading: bool | None  # whether it can run without the GIL; None: only running it can tell
    sub_interpreters: Support | None


def declaration_of(slots: Mapping[int, int] | None, *, sets_gil_itself: bool = False) -> Declaration:
    """Return what a table of slots (values by slot id; None for one-phase initialisation) declares.

    ``sets_gil_itself``: the module may call ``PyUnstable_Module_SetGIL``, with which one-phase modules declare it.
    """
    if slots is None:
        return Declaration(free_threading=None if sets_gil_itself else False, sub_interpreters="no")
    slots = {_RENUMBERED.get(number, number): value for number, value in slots.items()}
    later = any(number not in _KNOWN_SLOTS for number in slots)  # of a later CPython, which may number them anew
    gil = slots.get(PY_MOD_GIL)
    interpreters = slots.get(PY_MOD_MULTIPLE_INTERPRETERS, None if later else _DEFAULT_SUPPORT)
    return Declaration(
        free_threading=gil == _GIL_NOT_USED if gil is not None or not later else None,
        sub_interpreters=None if interpreters is None else _SUPPORT.get(interpreters),
    )


def read_file(path: Path, module: str) -> Declaration | None:
    """Read what an extension module declares from its file, in O(size); None if the file does not tell."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            return None
        image = _Image(path.read_bytes())
        sets_gil_itself = b"PyUnstable_Module_SetGIL\0" in image.data
        found = {
            declaration_of(slots, sets_gil_itself=sets_gil_itself)
            for name in {module, module.rpartition(".")[2]}
            for slots in image.slot_tables(name.encode())
        }
    except (OSError, ValueError, struct.error, LookupError):
        return None
    return found.pop() if len(found) == 1 else None


_PT_LOAD, _PT_DYNAMIC = 1, 2
_DT_RELA, _DT_RELASZ, _DT_RELRSZ, _DT_RELR = 7, 8, 35, 36
_RELATIVE = {62: 8, 183: 1027, 243: 3}  # by machine: x86-64, aarch64, riscv64
_WORD = 8


class _Image:
    """A shared object as the dynamic linker sees it: a little-endian 64-bit ELF file of a known machine."""

    def __init__(self, data: bytes) -> None:
        if data[:6] != b"\x7fELF\x02\x01":
            raise ValueError("no little-endian 64-bit ELF file")
        self.data = data
        (machine,) = struct.unpack_from("<H", data, 18)
        if machine not in _RELATIVE:
            raise ValueError(f"relocations of machine {machine} are unknown")
        self._relative = _RELATIVE[machine]
        headers, size, count = struct.unpack_from("<Q", data, 32)[0], *struct.unpack_from("<HH", data, 54)
        self._loads: list[tuple[int, int, int]] = []
        self._zeros: list[tuple[int, int]] = []  # memory that is not in the file
        dynamic = (0, 0)
        for index in range(count):
            place = headers + index * size
            kind, _, offset, address, _, in_file, in_memory = struct.unpack_from("<IIQQQQQ", data, place)
            if kind == _PT_LOAD:
                self._loads.append((address, address + in_file, offset - address))
                self._zeros.append((address + in_file, address + in_memory))
            elif kind == _PT_DYNAMIC:
                dynamic = (offset, in_file)
        self._pointers = dict(self._relocations(dict(struct.iter_unpack("<QQ", data[dynamic[0] : sum(dynamic)]))))

    def slot_tables(self, name: bytes) -> Iterator[dict[int, int] | None]:
        """Yield the slots of every module of that name; None for one-phase initialisation."""
        names = set(self._addresses(name + b"\0"))
        for address, target in self._pointers.items():
            if target not in names:
                continue
            if self._is_definition(address):
                slots = self._pointers.get(address + 4 * _WORD)
                yield None if slots is None else self._slots(slots)
            elif self._slot_number(address - _WORD) == _PY_MOD_NAME:
                first = address - _WORD
                while self._slot_number(first - 2 * _WORD) in _MODULE_SLOTS:
                    first -= 2 * _WORD
                yield self._slots(first)

    def _is_definition(self, name: int) -> bool:
        """Whether the word at ``name`` is ``m_name`` of a ``PyModuleDef``: what surrounds it must fit."""
        type_init_index_copy = [name - step * _WORD for step in (4, 3, 2, 1)]
        size = name + 2 * _WORD
        if size in self._pointers or any(word in self._pointers for word in type_init_index_copy):
            return False
        if any(self._word(word) for word in type_init_index_copy) or not -1 <= self._word(size) < 1 << 31:
            return False
        return all(word in self._pointers or not self._word(word) for word in (name + _WORD, name + 3 * _WORD))

    def _slot_number(self, address: int) -> int:
        """Return the number of the ``PySlot`` at an address; 0 if it ends a list or there is none."""
        try:
            head = self._word(address)
        except ValueError:  # not in the file
            return 0
        return head & 0xFFFF if address not in self._pointers and 0 <= head >> 16 <= _MOST_FLAGS else 0

    def _slots(self, address: int, depth: int = 0) -> dict[int, int]:
        """Read a list of ``PySlot`` or ``PyModuleDef_Slot``, which look the same here: a number, and a word."""
        found: dict[int, int] = {}
        for _ in range(_MOST_SLOTS):
            number = self._word(address) & 0xFFFF
            if number == 0:
                return found
            value = address + _WORD
            if number not in _NESTED:
                found[number] = 0 if value in self._pointers else self._word(value)
            elif depth < _MOST_NESTED:
                found |= self._slots(self._pointers[value], depth + 1)
            address += 2 * _WORD
        raise ValueError("no list of slots")

    def _offset(self, address: int) -> int:
        for low, high, shift in self._loads:
            if low <= address < high:
                return address + shift
        raise ValueError(f"address {address:#x} is not in the file")

    def _word(self, address: int) -> int:
        if any(low <= address < high for low, high in self._zeros):
            return 0
        return int(struct.unpack_from("<q", self.data, self._offset(address))[0])

    def _addresses(self, text: bytes) -> Iterator[int]:
        """Yield where a text is in memory. Linkers let a text be the tail of a longer one."""
        found = self.data.find(text)
        while found >= 0:
            for low, high, shift in self._loads:
                if low <= found - shift < high:
                    yield found - shift
            found = self.data.find(text, found + 1)

    def _relocations(self, dynamic: Mapping[int, int]) -> Iterator[tuple[int, int]]:
        """Yield (address, what it points to) of every pointer into the file itself."""
        if dynamic.get(_DT_RELASZ):
            start = self._offset(dynamic[_DT_RELA])
            for address, info, addend in struct.iter_unpack("<QQq", self.data[start : start + dynamic[_DT_RELASZ]]):
                if info == self._relative:
                    yield address, addend
        if dynamic.get(_DT_RELRSZ):
            start = self._offset(dynamic[_DT_RELR])
            for address in _unpacked(self.data[start : start + dynamic[_DT_RELRSZ]]):
                yield address, self._word(address)


def _unpacked(packed: bytes) -> Iterator[int]:
    """Yield the addresses of packed relative relocations: an address, then bit maps of the 63 words that follow it."""
    base = 0
    for (entry,) in struct.iter_unpack("<Q", packed):
        if not entry & 1:
            yield entry
            base = entry + _WORD
            continue
        for bit in range(63):
            if entry >> (bit + 1) & 1:
                yield base + bit * _WORD
        base += 63 * _WORD
