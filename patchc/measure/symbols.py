"""The functions of a linked image, and the source file that each comes from."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from elftools.dwarf.die import DIE
from elftools.dwarf.dwarfinfo import DWARFInfo
from elftools.dwarf.ranges import BaseAddressEntry
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from patchc.errors import PatchcError


@dataclass(frozen=True, slots=True)
class Symbol:
    """A function in an image."""

    name: str  # in C, with gcc's suffix where it made a clone
    low: int  # address of its first byte
    high: int  # the first address behind it
    stem: str  # of the network's file that it is in; "" for other code

    @property
    def function(self) -> str:
        """Without the suffix of a clone."""
        return self.name.split(".")[0]


@dataclass(frozen=True, slots=True)
class Section:
    """A range of addresses."""

    low: int
    high: int


def read_symbols(elf: Path, objects: Sequence[Path]) -> tuple[Symbol, ...]:
    """All functions in `elf` by address; `objects` are the network's."""
    homes = {name: path.stem for path in objects for name in _global_functions(path)}
    stems = {path.stem for path in objects}
    found: dict[int, Symbol] = {}
    with elf.open("rb") as file:
        stem = ""
        for symbol in _symbols(ELFFile(file)):
            kind, binding = symbol["st_info"]["type"], symbol["st_info"]["bind"]
            if kind == "STT_FILE":  # of the local symbols that follow
                stem = Path(symbol.name).stem if Path(symbol.name).stem in stems else ""
            elif kind == "STT_FUNC" and symbol["st_shndx"] != "SHN_UNDEF":
                low = symbol["st_value"] & ~1  # bit 0 marks Thumb code
                home = stem if binding == "STB_LOCAL" else homes.get(symbol.name, "")
                found[low] = Symbol(symbol.name, low, low + symbol["st_size"], home)
    return tuple(found[low] for low in sorted(found))


def read_section(elf: Path, name: str) -> Section:
    """Where a section lies. Raises PatchcError where `elf` has none of that name."""
    with elf.open("rb") as file:
        section = ELFFile(file).get_section_by_name(name)
        if section is None:
            raise PatchcError(f"{elf} has no section {name}: compile and build it again")
        return Section(section["sh_addr"], section["sh_addr"] + section["sh_size"])


def symbol_at(symbols: Sequence[Symbol], address: int) -> Symbol | None:
    """The function at an address; `symbols` as `read_symbols` gives them."""
    index = bisect_right(symbols, address, key=lambda symbol: symbol.low) - 1
    if index < 0:
        return None
    found = symbols[index]
    # Assembly without sizes: up to the next symbol.
    return found if address < found.high or found.high == found.low else None


@dataclass(frozen=True, slots=True)
class Inlined:
    """Code of a function that gcc made part of another one, by the debug info."""

    function: str
    low: int
    high: int
    depth: int  # of inlining: 1 where the function around it is a symbol


def read_inlined(elf: Path, source: str) -> tuple[Inlined, ...]:
    """Every function of the C file `source` wherever it is inlined, innermost first."""
    found: list[Inlined] = []
    with elf.open("rb") as file:
        info = ELFFile(file).get_dwarf_info()
        for unit in info.iter_CUs():
            top = unit.get_top_DIE()
            if Path(_text(top, "DW_AT_name")).name == source:
                _walk(info, top, 0, found)
    return tuple(sorted(found, key=lambda code: (-code.depth, code.low)))


def _walk(info: DWARFInfo, die: DIE, depth: int, found: list[Inlined]) -> None:
    """Adds what is inlined below `die`."""
    for child in die.iter_children():
        inner = depth
        if child.tag == "DW_TAG_inlined_subroutine":
            inner += 1
            name = _text(child.get_DIE_from_attribute("DW_AT_abstract_origin"), "DW_AT_name")
            found += [Inlined(name, low, high, inner) for low, high in _ranges(info, child)]
        _walk(info, child, inner, found)


def _ranges(info: DWARFInfo, die: DIE) -> list[tuple[int, int]]:
    """The addresses that a piece of debug info speaks of."""
    if "DW_AT_ranges" in die.attributes:
        lists: Any = info.range_lists()
        base = die.cu.get_top_DIE().attributes.get("DW_AT_low_pc")
        start = base.value if base else 0
        found = []
        for entry in lists.get_range_list_at_offset(die.attributes["DW_AT_ranges"].value, die.cu):
            if isinstance(entry, BaseAddressEntry):
                start = entry.base_address
            else:
                shift = 0 if entry.is_absolute else start
                found.append((entry.begin_offset + shift, entry.end_offset + shift))
        return found
    if "DW_AT_low_pc" not in die.attributes:
        return []
    low, high = die.attributes["DW_AT_low_pc"].value, die.attributes["DW_AT_high_pc"]
    return [(low, high.value if high.form == "DW_FORM_addr" else low + high.value)]


def _text(die: DIE, attribute: str) -> str:
    found = die.attributes.get(attribute)
    return found.value.decode() if found else ""


def _global_functions(path: Path) -> set[str]:
    with path.open("rb") as file:
        return {
            symbol.name
            for symbol in _symbols(ELFFile(file))
            if symbol["st_info"]["type"] == "STT_FUNC"
            and symbol["st_info"]["bind"] != "STB_LOCAL"
            and symbol["st_shndx"] != "SHN_UNDEF"
        }


def _symbols(elf: ELFFile) -> list:
    return [
        symbol
        for table in elf.iter_sections()
        if isinstance(table, SymbolTableSection)
        for symbol in table.iter_symbols()
    ]
