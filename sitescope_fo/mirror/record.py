"""One generation on disk: a tree of mirrored files and MANIFEST.json, which says what they must be."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import msgspec

from sitescope_fo.mirror.laying import lay_file, settle_tree
from sitescope_fo.mirror.rules import MAX_FILE_BYTES, check_manifest
from sitescope_fo.mirror.scan import Scan, scan_tree
from sitescope_fo.model.errors import Bad, SiteScopeError
from sitescope_fo.model.wire import FileEntry, Manifest
from sitescope_fo.store.files import Disk, read_bytes_limited, remove_tree

RECORD = "MANIFEST.json"
_RECORD_BYTES = 256 * 1024**2
_SHOWN_PROBLEMS = 20
_KEPT_RECORDS = 6
"""Records that stay in memory: 5 MB each with 10,000 monitors, where reading one takes 0.15 s."""


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """What a generation's MANIFEST.json says: what it holds, which monitors (id, path) were loaded from it, when it was made."""

    manifest: Manifest
    monitors: tuple[tuple[str, str], ...]
    made_wall: float
    serial: int
    """Counts the generations of a mirror folder: the higher one is the newer, whatever the wall clock did."""


class _Sealed(msgspec.Struct, frozen=True):
    digest: str
    record: msgspec.Raw


class Generation(msgspec.Struct, frozen=True):
    """One generation on disk."""

    path: Path
    record: Record

    @property
    def revision(self) -> str:
        """The revision of the primary's configuration that it is a copy of."""
        return self.record.manifest.revision

    @property
    def files(self) -> tuple[FileEntry, ...]:
        """What it holds."""
        return self.record.manifest.files


@dataclass(frozen=True)
class _Stamp:
    """One state of a record on disk, whatever its tree is called meanwhile."""

    signature: tuple[int, ...]
    folder: Path = field(compare=False)


def write_record(folder: Path, record: Record, disk: Disk) -> None:
    """Adds MANIFEST.json to a tree that is being laid down. Raises OSError."""
    body = msgspec.json.encode(record)
    sealed = _Sealed(hashlib.sha256(body).hexdigest(), msgspec.Raw(body))
    lay_file(folder, RECORD, 0o600, msgspec.json.encode(sealed), disk)


def read_content(folder: Path, entry: FileEntry) -> bytes:
    """The content of one file of the generation at `folder`. Raises Bad (`generation_corrupt`) when it is not the manifest's."""
    try:
        data = read_bytes_limited(folder / entry.path, MAX_FILE_BYTES, follow=False)
    except OSError as error:
        raise corrupt(folder, f"{entry.path} cannot be read: {error.strerror}") from error
    if len(data) != entry.size or hashlib.sha256(data).hexdigest() != entry.sha256:
        raise corrupt(folder, f"the content of {entry.path} is not that of its manifest")
    return data


def read_generation(folder: Path) -> Generation:
    """The generation at `folder`, by its record; the files are not looked at.

    Raises Bad (`generation_corrupt`) when there is no readable record.
    """
    try:
        info = (folder / RECORD).lstat()
        signature = (info.st_dev, info.st_ino, info.st_size, info.st_mtime_ns, info.st_ctime_ns)
        return Generation(folder, _record_at(_Stamp(signature, folder)))
    except (OSError, msgspec.MsgspecError) as error:
        raise corrupt(folder, f"its record cannot be read: {error}") from error


@lru_cache(_KEPT_RECORDS)
def _record_at(stamp: _Stamp) -> Record:
    return _read_record(stamp.folder)


def _read_record(folder: Path) -> Record:
    sealed = msgspec.json.decode(read_bytes_limited(folder / RECORD, _RECORD_BYTES, follow=False), type=_Sealed)
    if hashlib.sha256(bytes(sealed.record)).hexdigest() != sealed.digest:
        raise corrupt(folder, "its record does not have the hash written in it")
    record = msgspec.json.decode(bytes(sealed.record), type=Record)
    check_manifest(record.manifest, "")
    return record


def verify_generation(folder: Path) -> tuple[str, ...]:
    """What is wrong with the generation at `folder`, its record and every file read anew; () when it is whole.

    At most 20 problems.
    """
    try:
        record, scan = _read_record(folder), scan_tree(folder)
    except (OSError, msgspec.MsgspecError, SiteScopeError) as error:
        return (str(error),)
    expected = {RECORD, *(entry.path for entry in record.manifest.files)}
    problems = [f"{name}: not in the manifest" for name in (*scan.files, *scan.strange) if name not in expected]
    problems += [f"{entry.path}: {why}" for entry in record.manifest.files if (why := _file_problem(scan, entry))]
    return tuple(problems[:_SHOWN_PROBLEMS])


def _file_problem(scan: Scan, entry: FileEntry) -> str:
    found = scan.files.get(entry.path)
    if found is None:
        return scan.strange.get(entry.path, "it is not there")
    if (found.size, found.sha256) != (entry.size, entry.sha256):
        return "its content is not that of the manifest"
    return "" if found.mode == entry.mode else f"its mode is {found.mode:o}, the manifest says {entry.mode:o}"


def finish_tree(folder: Path, record: Record, disk: Disk) -> None:
    """Adds the record to a tree in staging/ and makes all of it durable. Raises OSError."""
    remove_tree(folder / RECORD)
    write_record(folder, record, disk)
    settle_tree(folder, disk)


def corrupt(folder: Path, what: str) -> Bad:
    """The error for a damaged generation."""
    return Bad(
        f"The mirror generation is damaged: {what}",
        where=str(folder),
        hint="It is fetched again from the primary; look at the disk of this node",
        code="generation_corrupt",
    )
