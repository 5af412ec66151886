"""Bundles: some files of one revision as an uncompressed tar. Packed on the primary, doubted on the failover."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Iterable, Iterator, Sequence

from sitescope_fo.model.errors import Bad
from sitescope_fo.model.wire import FileEntry

BATCH_BYTES = 32 * 1024**2
"""Most content a request asks for; a single file is never larger (`rules.MAX_FILE_BYTES`)."""
BATCH_FILES = 5000
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
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for entry, data in contents:
            member = tarfile.TarInfo(entry.path)
            member.size = len(data)
            member.mode = entry.mode
            tar.addfile(member, io.BytesIO(data))
    return out.getvalue()


def unpack(data: bytes, wanted: Sequence[FileEntry]) -> Iterator[tuple[FileEntry, bytes]]:
    """Each wanted file with its content, proven against its entry before it is given out.

    Raises Bad: `bundle_torn` when the bytes are no whole tar, `bundle_tampered` for a member that was not asked for, is there
    twice, is no plain file, or differs from the manifest in size, mode or hash; `bundle_short` when a wanted one is missing.
    """
    missing = {entry.path: entry for entry in wanted}
    if len(data) > sum(entry.size + _HEAD for entry in wanted) + 20 * 512:
        raise _tampered("it is larger than the files asked for")
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
