"""Compiled kernels on disk, as object code.

Numba's own cache looks at the file of the kernel alone, so a kernel that calls a changed helper in another file replays
the old one; it fails at import where no folder can be written; and it trusts what it reads. Here a file is

- *keyed by content*: every source file that holds compiled code, as it was when this module was imported; the kernel's
  name and argument types, the processor, Numba's settings, all versions. Nothing has to be invalidated: whatever
  changes makes another key. What a kernel means that was edited, reloaded or patched since is in its file, too
  (meaning.py), so that it cannot pass for what stands in the sources;
- *a header of plain values, then machine code*, with one digest over both: nothing of it is evaluated before that fits;
- *written under another name and renamed*, so processes that compile at once cannot disturb each other.

Where they lie: folders.py.
"""

import ast
import contextlib
import functools
import hashlib
import os
import sys

from fastbp.compiler import folders, marshal, processor, versions

PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# The only places in the package that may hold compiled code.
COMPILED = ("compiler", "lecture/codes.py", "lecture/differences.py", "lecture/loops", "engine")
DIGEST = 32  # bytes
FIELDS = {"kernel": str, "signature": str, "key": str, "meaning": str}
FIELDS |= {"result": str, "needs": list, "flat": dict}


def compiled_files(suffix=".py"):
    """All source files that may hold compiled code, in one order; with ".pyc" code objects that stand where they do."""
    for place in COMPILED:
        top = os.path.join(PACKAGE, place.removesuffix(".py"))
        walk = [(folder, names) for folder, _, names in os.walk(top) if os.path.basename(folder) != "__pycache__"]
        found = [os.path.join(folder, name) for folder, names in walk for name in names]
        yield from sorted(file for file in found or [top + suffix] if file.endswith(suffix) and os.path.isfile(file))


def _content(file):
    with open(file, "rb") as opened:
        return opened.read()


def source_key():
    """One name for the content of all compiled files; "" where they are not there as sources (a frozen program).

    Kernels are kept then as well, but only what they mean tells them apart, and that takes Numba's import.
    """
    digest, files = hashlib.sha256(repr(marshal.HEAD).encode()), [*compiled_files()]
    if not files or {*compiled_files(".pyc")} - {file + "c" for file in files}:
        return ""
    for file in files:
        digest.update(os.path.relpath(file, PACKAGE).encode() + b"\0" + _content(file) + b"\0")
    return digest.hexdigest()


SOURCE_KEY = source_key()  # now: the files as they are imported, not as they are when a kernel is first called


@functools.cache
def content_key():
    """One name for the sources as they were imported and the versions of what compiles them."""
    return hashlib.sha256(repr((versions.versions(), SOURCE_KEY)).encode()).hexdigest()[:16]


def key_of(kernel, signature):
    """The key of a kernel (its full name), compiled for arguments of such types on this machine."""
    machine = processor.identity(), processor.settings(), sys.platform, content_key()
    return hashlib.sha256(repr((kernel, signature, machine)).encode()).hexdigest()


def file_of(kernel, key, meaning=""):
    """Where it lies: as the sources have it, or one that means something else."""
    folder, _ = folders.of_generation(content_key())
    name = hashlib.sha256((key + meaning).encode()).hexdigest()[:32] if meaning else key[:32]
    return os.path.join(folder, f"{kernel.rpartition('.')[2]}-{name}.kernel")


def kept(kernel, key, meaning=None, file=None):
    """What `read` gives of a kernel that is kept; None where there is none, or the folder is not to be trusted."""
    _, trusted = folders.of_generation(content_key())
    return read(file or file_of(kernel, key), key, meaning) if trusted else None


def is_writable():
    """Whether kernels can be kept, after one warning where not."""
    return folders.is_writable(content_key())


def read(file, key, meaning=None):
    """The header and the machine code of a sound file; None for any other, and for one that means something else."""
    header, code = _verified(file)
    if header is None or header["key"] != key or meaning not in (None, header["meaning"]):
        return None
    return header, code


def _verified(file):
    """The header, a dict of plain values, and the machine code, if the digest is theirs; else None and None."""
    try:
        content = _content(file)
    except OSError:
        return None, None
    begin = DIGEST + 4
    end = begin + int.from_bytes(content[DIGEST:begin], "little")
    if hashlib.sha256(content[DIGEST:]).digest() != content[:DIGEST]:
        return None, None
    try:
        header = ast.literal_eval(content[begin:end].decode())
        sound = all(isinstance(header[name], kind) for name, kind in FIELDS.items())
    except (ValueError, SyntaxError, KeyError, TypeError):
        return None, None
    return (header, content[end:]) if sound and header["result"] in marshal.RESULTS else (None, None)


def header_for_this_machine(file):
    """The header of a sound file of a kernel that this process would take; else None."""
    header, _ = _verified(file)
    return header if header and header["key"] == key_of(header["kernel"], header["signature"]) else None


def write(file, header, code):
    """Keep a kernel where the next process finds it. Whatever hinders that, a full disk say, costs the file."""
    import tempfile  # here: a process that finds all its kernels need not wait for it

    text = repr(header).encode()
    body = len(text).to_bytes(4, "little") + text + code
    with contextlib.suppress(OSError):
        handle, temporary = tempfile.mkstemp(dir=os.path.dirname(file), prefix=".writing-")
        try:
            with open(handle, "wb") as out:
                out.write(hashlib.sha256(body).digest() + body)
            os.replace(temporary, file)
        except BaseException:
            os.unlink(temporary)
            raise
