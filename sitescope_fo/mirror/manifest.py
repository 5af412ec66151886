"""The primary's side of mirroring: what a mirror would get now, and the files themselves.

Only files that look changed are read again; 10,000 unchanged ones cost a walk and a stat each (0.08 s on the design machine).
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import msgspec

from sitescope_fo.mirror.bundle import REQUEST_BYTES, pack
from sitescope_fo.mirror.parts import entries_of, parts_of
from sitescope_fo.mirror.rules import (
    LEAST_MODE,
    MAX_FILE_BYTES,
    MAX_FILES,
    MAX_TOTAL_BYTES,
    MIRRORED_FOLDERS,
    is_passing,
    is_plain,
    name_problem,
    revision_of,
)
from sitescope_fo.model.errors import Refused
from sitescope_fo.model.wire import Entries, EntriesRequest, FileEntry, FilesRequest, Manifest, Parts, SkippedFile
from sitescope_fo.store.home import Home

LANE = "manifest"
"""Lane of the Work port for every call of one builder: it is single-threaded."""
_READS = 5


class _Signature(msgspec.Struct, frozen=True):
    """What changes when a file changes. The writer can set mtime back, not ctime."""

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    mode: int


class _Known(msgspec.Struct, frozen=True):
    """A hashed file. `settled` is False until the same signature gave the same hash twice.

    File systems stamp changes with a clock of some milliseconds: a write right after the first hash may leave the signature as
    it was.
    """

    signature: _Signature
    entry: FileEntry
    settled: bool


class ManifestBuilder:
    """Manifests and bundles of one home. Single-threaded: every call in the lane `manifest` of the Work port."""

    def __init__(self, home: Home, node_id: str) -> None:
        self._root = home.root
        self._node_id = node_id
        self.hashed = 0
        """How many files were read and hashed for manifests since the builder exists."""
        self._known: dict[str, _Known] = {}
        self._last: Manifest | None = None
        self._parts: Parts | None = None

    def build(self, *, full: bool = False) -> Manifest:
        """What a mirror would get now; `full` reads every file again, whatever its signature says.

        A file that changes while it is read is read again. Symlinks, special files, unreadable, oversize and badly named ones
        are left out and listed with the reason; hidden and temporary ones are left out silently. Content is not judged: a torn
        group file travels as it stands, and the failover refuses it (docs/mirroring.md).

        Raises Refused (`mirror_too_large`).
        """
        known: dict[str, _Known] = {}
        skipped: list[SkippedFile] = []
        for path, found in self._walk():
            if isinstance(found, str):
                skipped.append(SkippedFile(path=path, why=found))
                continue
            try:
                hashed = self._hash(path, found, full=full)
            except FileNotFoundError:
                continue
            except OSError:
                skipped.append(SkippedFile(path=path, why="unreadable"))
                continue
            known[path] = hashed
            if len(known) > MAX_FILES:
                raise _too_large(f"more than {MAX_FILES} files")
        self._known = known
        files = tuple(known[path].entry for path in sorted(known))
        if sum(entry.size for entry in files) > MAX_TOTAL_BYTES:
            raise _too_large(f"more than {MAX_TOTAL_BYTES} bytes")
        self._last = Manifest(
            node_id=self._node_id,
            revision=self._last.revision if self._last is not None and self._last.files == files else revision_of(files),
            files=files,
            skipped=tuple(sorted(skipped, key=lambda skip: skip.path)),
        )
        return self._last

    def parts(self, manifest: Manifest) -> Parts:
        """`manifest` without its files."""
        if self._parts is None or (self._parts.revision, self._parts.skipped) != (manifest.revision, manifest.skipped):
            self._parts = parts_of(manifest)
        return self._parts

    def entries(self, request: EntriesRequest) -> Entries:
        """The files of some parts of that revision. Raises Refused (`revision_gone`, `mirror_too_large`)."""
        return entries_of(self._at(request.revision), request)

    def _at(self, revision: str) -> Manifest:
        manifest = self._last
        if manifest is None or manifest.revision != revision:
            manifest = self.build()
        if manifest.revision != revision:
            raise _gone(revision)
        return manifest

    def fingerprint(self) -> str:
        """A value that changes when a new `build` is worth its while. Reads no file content.

        It also changes once or twice after a build that met fresh files, so that a write within the same tick of the file
        system's clock is seen.
        """
        digest = hashlib.sha256()
        for path, found in self._walk():
            digest.update(msgspec.json.encode((path, found)))
        unsettled = sum(not known.settled for known in self._known.values())
        return f"{digest.hexdigest()}~{unsettled}" if unsettled else digest.hexdigest()

    def bundle(self, request: FilesRequest) -> bytes:
        """The uncompressed tar of exactly these files as they stand in that revision, in manifest order.

        Raises Refused: `revision_gone` when any of it has changed since, `unknown_path` for a file that revision does not list
        or names twice, `bundle_too_large` beyond 32 MiB.
        """
        manifest = self._at(request.revision)
        wanted = set(request.paths)
        entries = [entry for entry in manifest.files if entry.path in wanted]
        if len(entries) != len(request.paths):
            raise Refused(
                "The request names files that this revision does not list, or one twice",
                where=request.revision,
                hint="Ask for the manifest again",
                code="unknown_path",
            )
        if sum(entry.size for entry in entries) > REQUEST_BYTES:
            raise Refused(
                f"The request asks for more than {REQUEST_BYTES} bytes",
                hint="Ask for the files in several requests",
                code="bundle_too_large",
            )
        return pack((entry, self._content(entry, request.revision)) for entry in entries)

    def _content(self, entry: FileEntry, revision: str) -> bytes:
        try:
            data, signature, _ = _read_stable(self._root / entry.path)
        except OSError as error:
            self._known.pop(entry.path, None)
            raise _gone(revision, entry.path) from error
        if _mode(signature) != entry.mode or hashlib.sha256(data).hexdigest() != entry.sha256:
            self._known.pop(entry.path, None)
            self._last = None
            raise _gone(revision, entry.path)
        return data

    def _hash(self, path: str, seen: _Signature, *, full: bool) -> _Known:
        before = self._known.get(path)
        if before is not None and before.signature == seen and before.settled and not full:
            return before
        data, signature, stable = _read_stable(self._root / path)
        self.hashed += 1
        entry = FileEntry(path=path, size=len(data), mode=_mode(signature), sha256=hashlib.sha256(data).hexdigest())
        again = before is not None and before.signature == signature and before.entry == entry
        return _Known(signature, entry, settled=stable and again)

    def _walk(self) -> Iterator[tuple[str, _Signature | str]]:
        """(path, signature) of each file to mirror and (path, why) of each left out, in a fixed order."""
        for folder in MIRRORED_FOLDERS:
            top = self._root / folder
            if top.is_symlink():
                yield folder, "symlink"
            elif top.exists():
                yield from _walk_folder(str(top), folder)


def _walk_folder(folder: str, prefix: str) -> Iterator[tuple[str, _Signature | str]]:
    try:
        with os.scandir(folder) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
    except FileNotFoundError:
        return
    except OSError:
        yield _shown(prefix), "unreadable"
        return
    for entry in found:
        path = f"{prefix}/{entry.name}"
        if not is_plain(path):
            if is_passing(entry.name):
                continue
            problem = name_problem(path)
            if problem:
                yield _shown(path), problem
                continue
        try:
            info = entry.stat(follow_symlinks=False)
        except FileNotFoundError:
            continue
        if stat.S_ISDIR(info.st_mode):
            yield from _walk_folder(entry.path, path)
        else:
            yield path, _judge(info)


def _judge(info: os.stat_result) -> _Signature | str:
    if stat.S_ISLNK(info.st_mode):
        return "symlink"
    if not stat.S_ISREG(info.st_mode):
        return "special file"
    if info.st_size > MAX_FILE_BYTES:
        return f"larger than {MAX_FILE_BYTES >> 20} MiB"
    return _signature(info)


def _signature(info: os.stat_result) -> _Signature:
    return _Signature(info.st_size, info.st_mtime_ns, info.st_ctime_ns, info.st_ino, info.st_mode)


def _mode(signature: _Signature) -> int:
    return signature.mode & 0o777 | LEAST_MODE


def _read_stable(path: Path) -> tuple[bytes, _Signature, bool]:
    """Content, signature, and whether the file held still while it was read (tried five times).

    Raises OSError: ELOOP for a link, and what reading gives.
    """
    for attempt in range(_READS):
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            before = _signature(os.fstat(fd))
            if not stat.S_ISREG(before.mode):
                raise OSError(errno.EINVAL, "no regular file any more", str(path))
            data = _read_all(fd)
            after = _signature(os.fstat(fd))
        finally:
            os.close(fd)
        stable = before == after and len(data) == after.size
        if stable or attempt == _READS - 1:
            return data, after, stable
    raise AssertionError


def _read_all(fd: int) -> bytes:
    chunks = []
    left = MAX_FILE_BYTES + 1
    while left > 0 and (chunk := os.read(fd, min(left, 1 << 20))):
        chunks.append(chunk)
        left -= len(chunk)
    if left <= 0:
        raise OSError(errno.EFBIG, "it grew beyond the limit while it was read")
    return b"".join(chunks)


def _shown(path: str) -> str:
    """`path` as text that JSON can carry, bytes that are no UTF-8 as escapes."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _too_large(what: str) -> Refused:
    return Refused(
        f"The configuration cannot be mirrored: {what}",
        where=", ".join(MIRRORED_FOLDERS),
        hint="Move what is no configuration elsewhere",
        code="mirror_too_large",
    )


def _gone(revision: str, path: str = "") -> Refused:
    return Refused(
        "The configuration has changed since that revision",
        where=path or revision,
        hint="Ask for the manifest again",
        code="revision_gone",
    )
