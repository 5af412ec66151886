"""A manifest in parts: two nodes find out where theirs differ, and only the entries of those parts travel.

One changed file of 10,000 is a table of 4 KiB and one part of some 40 entries, where the whole manifest is 1.1 MB. Nothing rests
on the digests of the parts: what is put together must reproduce the revision, which is the hash of the whole manifest.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Sequence

import msgspec

from sitescope_fo.model.errors import Bad
from sitescope_fo.model.wire import PART_COUNT, Entries, EntriesRequest, FileEntry, Manifest, Parts, SkippedFile

_DIGEST = 16
"""Hex digits a part: it only has to tell different parts from equal ones."""


def part_of(path: str) -> int:
    """The part that holds `path`."""
    return zlib.crc32(path.encode()) % PART_COUNT


def _split(files: Iterable[FileEntry]) -> list[list[FileEntry]]:
    parts: list[list[FileEntry]] = [[] for _ in range(PART_COUNT)]
    for entry in files:
        parts[part_of(entry.path)].append(entry)
    return parts


def digests_of(files: Iterable[FileEntry]) -> str:
    """The digests of all parts in a row; `files` are sorted by path."""
    return "".join(hashlib.sha256(msgspec.json.encode(part)).hexdigest()[:_DIGEST] for part in _split(files))


def digest_of_skipped(skipped: Sequence[SkippedFile]) -> str:
    """Tells one list of skipped files from another."""
    return hashlib.sha256(msgspec.json.encode(skipped)).hexdigest()[:_DIGEST]


def parts_of(manifest: Manifest) -> Parts:
    """The manifest without its files."""
    return Parts(
        node_id=manifest.node_id,
        revision=manifest.revision,
        digests=digests_of(manifest.files),
        skipped=manifest.skipped,
    )


def entries_of(manifest: Manifest, wanted: EntriesRequest) -> Entries:
    """The manifest's files in these parts."""
    parts = frozenset(wanted.parts)
    return Entries(revision=manifest.revision, files=tuple(entry for entry in manifest.files if part_of(entry.path) in parts))


def differing(base: Manifest, theirs: Parts) -> tuple[int, ...]:
    """The parts in which `theirs` is not `base`. Raises Bad (`manifest_tampered`) for a table that is none."""
    ours = digests_of(base.files)
    if len(theirs.digests) != len(ours):
        raise _tampered(f"its table of parts has {len(theirs.digests)} digits, not {len(ours)}")
    at = range(0, len(ours), _DIGEST)
    return tuple(part for part, i in enumerate(at) if ours[i : i + _DIGEST] != theirs.digests[i : i + _DIGEST])


def combine(base: Manifest, theirs: Parts, parts: Iterable[int], fresh: Sequence[FileEntry]) -> Manifest:
    """`base` with these parts replaced by `fresh`. Whether that is the revision it claims to be, `check_manifest` says.

    Raises Bad (`manifest_tampered`) for an entry of another part.
    """
    replaced = frozenset(parts)
    stray = next((entry for entry in fresh if part_of(entry.path) not in replaced), None)
    if stray is not None:
        raise _tampered(f"{stray.path[:200]!r} lies in a part that was not asked for")
    kept = (entry for entry in base.files if part_of(entry.path) not in replaced)
    files = tuple(sorted((*kept, *fresh), key=lambda entry: entry.path))
    return Manifest(node_id=theirs.node_id, revision=theirs.revision, files=files, skipped=theirs.skipped)


def _tampered(what: str) -> Bad:
    return Bad(
        f"The primary's manifest is damaged: {what}",
        hint="The whole manifest is asked for instead",
        code="manifest_tampered",
    )
