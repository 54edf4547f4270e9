"""What LLVM writes: the parts of an ELF file, and which symbols a file of any system needs of others."""

import struct
from typing import NamedTuple

SYMBOLS = 2  # the type of a section of ELF


def needs(code):
    """The names of the symbols that object code leaves to others, sorted; a ValueError for what is none."""
    try:
        if code[:4] == b"\x7fELF":
            return sorted(_needs_of_elf(code))
        if code[:4] == b"\xcf\xfa\xed\xfe":
            return sorted(_needs_of_macho(code))
        return sorted(_needs_of_coff(code))
    except (struct.error, IndexError, OverflowError, ValueError) as problem:
        raise ValueError(f"this is no object code: {problem}") from None


def _needs_of_elf(code):
    sections = sections_of(code)
    for table in sections:
        if table.kind == SYMBOLS:
            yield from (
                name for name, section, _ in symbols_of(code, table, sections[table.link]) if name and not section
            )


def _needs_of_macho(code):
    at = 32
    for _ in range(struct.unpack_from("<I", code, 16)[0]):
        command, size, symbols, count, names = struct.unpack_from("<5I", code, at)
        if command == 2:  # the table of symbols
            for symbol in range(symbols, symbols + 16 * count, 16):
                name, kind, section, _, value = struct.unpack_from("<IBBHQ", code, symbol)
                if kind & 0x0F == 1 and section == 0 and value == 0:
                    yield _text(code, names + name).removeprefix("_")
        at += size


def _needs_of_coff(code):
    symbols, count = struct.unpack_from("<8xII", code)
    number = 0
    while number < count:
        name, value, section, _, storage, more = struct.unpack_from("<8sIhHBB", code, symbols + 18 * number)
        if storage == 2 and section == 0 and value == 0:
            long = name[:4] == b"\0\0\0\0"
            at = symbols + 18 * count + int.from_bytes(name[4:], "little")
            yield _text(code, at) if long else name.rstrip(b"\0").decode()
        number += 1 + more


def _text(code, at):
    return code[at : code.index(b"\0", at)].decode()


class Section(NamedTuple):
    """A row of the table of sections of an ELF file."""

    name: int
    kind: int
    flags: int
    address: int
    begin: int
    size: int
    link: int
    info: int
    alignment: int
    entry: int


def sections_of(code):
    """The table of sections of an ELF file."""
    at, size, count = struct.unpack_from("<Q10xHH", code, 40)
    return [Section(*struct.unpack_from("<II4Q2I2Q", code, at + size * number)) for number in range(count)]


def symbols_of(code, table, names):
    """(name, number of its section, place in it) of each symbol in a table of an ELF file; no section: of others."""
    found = []
    for name, _, section, value, _ in struct.iter_unpack("<IHHQQ", code[table.begin : table.begin + table.size]):
        found.append((_text(code, names.begin + name), section, value))
    return found
