"""Bundles: some files of one revision as an uncompressed tar. Packed on the primary, doubted on the failover.

The headers of plain members are made and compared here: tarfile takes 60 µs a member, 0.6 s for 10,000 on either side. Whatever
is not byte for byte what was expected goes to tarfile, which says what is wrong with it.
"""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Iterable, Iterator, Sequence

from sitescope_fo.model.errors import Bad
from sitescope_fo.model.wire import FileEntry

REQUEST_BYTES = 32 * 1024**2
"""Most content that a primary puts into one bundle; a single file is never larger (`rules.MAX_FILE_BYTES`)."""
BATCH_BYTES = 8 * 1024**2
"""Most content that is asked for at once, unless a single file is larger: two bundles are in memory at a time."""
BATCH_FILES = 1000
"""Packing or laying so many takes a worker some 50 ms."""
_BLOCK = 512
_NAME_BYTES = 100
_TEMPLATE = tarfile.TarInfo("").tobuf(tarfile.PAX_FORMAT)
_HEAD = 4096
"""More than a member's headers and padding take, with the longest path."""

_HOSTILE = (tarfile.TarError, ValueError, EOFError, OSError, LookupError, RecursionError)
"""What the tar reader raises on bytes that are no tar. ValueError includes bad Unicode; a chain of headers recurses."""


def batches(files: Sequence[FileEntry]) -> Iterator[tuple[FileEntry, ...]]:
    """`files` in order, cut into requests of at most BATCH_BYTES and BATCH_FILES (a request has at least one file)."""
    batch: list[FileEntry] = []
    size = 0
    for entry in files:
        if batch and (size + entry.size + _HEAD > BATCH_BYTES or len(batch) >= BATCH_FILES):
            yield tuple(batch)
            batch, size = [], 0
        batch.append(entry)
        size += entry.size + _HEAD
    if batch:
        yield tuple(batch)


def pack(contents: Iterable[tuple[FileEntry, bytes]]) -> bytes:
    """The tar of these files. The same files give the same bytes: no owner, no time."""
    pieces = []
    for entry, data in contents:
        pieces += [_header(entry), data, bytes(-len(data) % _BLOCK)]
    pieces.append(bytes(2 * _BLOCK))
    return b"".join(pieces)


def _header(entry: FileEntry) -> bytes:
    """What stands before the content of one file."""
    if not _is_short(entry.path):
        member = tarfile.TarInfo(entry.path)
        member.size, member.mode = entry.size, entry.mode
        return member.tobuf(tarfile.PAX_FORMAT)
    name = entry.path.encode("ascii")
    block = bytearray(_TEMPLATE)
    block[: len(name)] = name
    block[100:107] = b"%07o" % entry.mode
    block[124:135] = b"%011o" % entry.size
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def _is_short(path: str) -> bool:
    """Whether a plain header has room for `path`."""
    return len(path) <= _NAME_BYTES and path.isascii()


def unpack(data: bytes, wanted: Sequence[FileEntry]) -> Iterator[tuple[FileEntry, bytes]]:
    """Each wanted file with its content, proven against its entry before it is given out.

    Raises Bad: `bundle_torn` when the bytes are no whole tar, `bundle_tampered` for a member that was not asked for, is there
    twice, is no plain file, or differs from the manifest in size, mode or hash; `bundle_short` when a wanted one is missing.
    """
    if len(data) > sum(entry.size + _HEAD for entry in wanted) + 20 * 512:
        raise _tampered("it is larger than the files asked for")
    at = 0
    for number, entry in enumerate(wanted):
        content = _plain_content(data, at, entry)
        if content is None:
            yield from _unpack_any(data[at:], wanted[number:])
            return
        yield entry, content
        at += _BLOCK + entry.size + -entry.size % _BLOCK
    if data.count(0, at) != len(data) - at:
        yield from _unpack_any(data[at:], ())


def _plain_content(data: bytes, at: int, entry: FileEntry) -> bytes | None:
    """The content of `entry`, if exactly that stands at `at` as this module would have packed it."""
    start = at + _BLOCK
    if not _is_short(entry.path) or data[at:start] != _header(entry):
        return None
    content = data[start : start + entry.size]
    return content if len(content) == entry.size and hashlib.sha256(content).hexdigest() == entry.sha256 else None


def _unpack_any(data: bytes, wanted: Sequence[FileEntry]) -> Iterator[tuple[FileEntry, bytes]]:
    """As `unpack`, of a tar of any kind and order."""
    missing = {entry.path: entry for entry in wanted}
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:", errorlevel=2) as tar:
            for member in tar:
                entry = missing.pop(member.name, None)
                if entry is None:
                    raise _tampered(f"{member.name[:200]!r} was not asked for, or is there twice")
                if not member.isreg() or member.issparse() or member.size != entry.size or member.mode != entry.mode:
                    raise _tampered(f"{entry.path!r} is no plain file, or its size or mode is not that of the manifest")
                source = tar.extractfile(member)
                content = source.read() if source is not None else b""
                if len(content) != entry.size or hashlib.sha256(content).hexdigest() != entry.sha256:
                    raise _tampered(f"the content of {entry.path!r} is not that of the manifest")
                yield entry, content
    except _HOSTILE as error:
        raise Bad(
            f"The primary sent a bundle that is no whole archive: {str(error)[:200]}",
            hint="Nothing of it was taken; it is asked for again",
            code="bundle_torn",
        ) from error
    if missing:
        first = next(iter(missing))
        raise Bad(
            f"The primary's bundle lacks {len(missing)} of the {len(wanted)} files asked for, first {first!r}",
            hint="Nothing of it was taken; it is asked for again",
            code="bundle_short",
        )


def _tampered(what: str) -> Bad:
    return Bad(
        f"The primary sent a bundle that does not fit its manifest: {what}",
        hint="Nothing of it was taken; if it happens again, something between the nodes changes what they send",
        code="bundle_tampered",
    )
