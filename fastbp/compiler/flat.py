"""Code that runs wherever it is put: laid out when it is compiled, so that a later process only maps it into memory.

LLVM links object code in 3 ms, but its import takes 30, half of all that a first training may take. So on Linux on
x86-64 what LLVM does to link is done when a kernel is compiled: the sections, which refer to each other by distances,
are put one after the other, and behind them a row of addresses of the C library's functions, with a jump to each. A
process that uses it has to fill in these addresses, to add its own to the few pointers from one part of it to another,
and to make it executable.

Sections and relocations are those of the x86-64 psABI, chapter 4 (https://gitlab.com/x86-psABIs/x86-64-ABI).
"""

import struct

from fastbp.compiler.object_files import SYMBOLS, needs, sections_of, symbols_of
from fastbp.compiler.objects import SYMBOL

X86_64 = 62  # the number of the architecture
WRITABLE, ALLOCATED = 1, 2  # flags of sections
PROGBITS, RELOCATIONS = 1, 4  # their types
POINTER = 1  # relocations: the address of what a symbol stands for
PC32, PLT32, PC64 = 2, 4, 24  # the distance to it
VIA_ADDRESS = 9, 41, 42  # the distance to a place that holds its address
JUMP, ADDRESS = 8, 8  # bytes of each
ALIGNED = 64


class Unfit(Exception):
    """Object code that only LLVM can link."""


def prepared(code):
    """What is kept of object code, and what its header says: laid out if that can be, else as it is."""
    names = needs(code)
    try:
        image, places = flattened(code, SYMBOL, names)
    except Unfit:
        return code, {"needs": names, "flat": {}}
    return image, {"needs": names, "flat": places}


def flattened(code, symbol, names):
    """Object code laid out, and where what lies in it, by the names of the arguments of `objects.mapped`.

    Parameters
    ----------
    code : bytes
        An ELF object for x86-64 whose sections refer to each other by distances. Any other is Unfit.
    symbol : str
    names : list of str
        What it needs of others.
    """
    if code[:6] != b"\x7fELF\x02\x01" or struct.unpack_from("<H", code, 18) != (X86_64,):
        raise Unfit("another format")
    sections = sections_of(code)
    image, begins = bytearray(), {}
    for number, section in enumerate(sections):
        if _is_loaded(code, sections, section):
            image += bytes(-len(image) % max(section.alignment, ALIGNED))
            begins[number] = len(image)
            image += code[section.begin : section.begin + section.size]
    image += bytes(-len(image) % ALIGNED)
    first = len(image) + JUMP * len(names)
    places = {name: (len(image) + JUMP * n, first + ADDRESS * n) for n, name in enumerate(names)}
    for jump, address in places.values():
        image += b"\xff\x25" + struct.pack("<ixx", address - jump - 6)  # jmp *distance(%rip), counted from its end
    image += bytes(ADDRESS * len(names))
    (table,) = (section for section in sections if section.kind == SYMBOLS)
    symbols = symbols_of(code, table, sections[table.link])
    pointers = []
    for section in sections:
        if section.kind == RELOCATIONS and section.info in begins:
            pointers += _relocate(code, section, symbols, image, begins, places)
    (entry,) = (begins[where] + value for name, where, value in symbols if name == symbol)
    return bytes(image), {"entry": entry, "addresses": first, "pointers": pointers}


def _is_loaded(code, sections, section):
    if not section.flags & ALLOCATED or not section.size:
        return False
    (at,) = struct.unpack_from("<H", code, 62)  # of the section with the names of all
    begin = sections[at].begin + section.name
    if code.startswith(b".eh_frame", begin):  # for exceptions; a kernel raises none
        return False
    constant = not section.flags & WRITABLE or code.startswith(b".data.rel.ro", begin)  # that once it has its pointers
    if section.kind != PROGBITS or not constant:
        raise Unfit(f"a section of type {section.kind} with flags {section.flags}")
    return True


def _relocate(code, section, symbols, image, begins, places):
    """Put the distances into the image that a section of relocations asks for; yields where pointers belong."""
    for at, info, more in struct.iter_unpack("<QQq", code[section.begin : section.begin + section.size]):
        kind, (name, where, value) = info & 0xFFFFFFFF, symbols[info >> 32]
        here = begins[section.info] + at
        if kind == POINTER and where in begins:
            struct.pack_into("<q", image, here, begins[where] + value + more)
            yield here
            continue
        if kind in (PC32, PLT32, PC64) and where in begins:
            there = begins[where] + value
        elif kind in (PC32, PLT32) and name in places:
            there = places[name][0]
        elif kind in VIA_ADDRESS and name in places:
            there = places[name][1]
        else:
            raise Unfit(f"relocation {kind} of {name!r}")
        struct.pack_into("<q" if kind == PC64 else "<i", image, here, there + more - here)
