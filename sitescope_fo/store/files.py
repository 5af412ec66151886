"""Atomic, durable file operations: temp file in the same folder, fsync file, rename, fsync folder.

Everything goes through a `Disk`, the seam at which tests stop the machine between two steps. OSError stays OSError: only the
caller knows what the file meant.
"""

from __future__ import annotations

import errno
import itertools
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Protocol

TEMP_SUFFIX = ".tmp"
_serial = itertools.count()


class Disk(Protocol):
    """The disk port: one method for each step that changes what a crash leaves behind."""

    def create(self, path: Path, mode: int) -> int:
        """Opens a new file for writing. Raises FileExistsError when there is one."""
        ...

    def write(self, fd: int, data: bytes) -> None:
        """Writes all of `data`."""
        ...

    def fsync(self, fd: int) -> None:
        """Makes the content of the file durable."""
        ...

    def replace(self, source: Path, target: Path) -> None:
        """Renames, replacing `target` in one step."""
        ...

    def fsync_dir(self, path: Path) -> None:
        """Makes the entries of a folder durable."""
        ...

    def symlink(self, target: str, link: Path) -> None:
        """Creates a symbolic link. Raises FileExistsError when the name is taken."""
        ...

    def unlink(self, path: Path) -> None:
        """Removes one file or link."""
        ...

    def mkdir(self, path: Path, mode: int) -> None:
        """Creates one folder with exactly `mode`."""
        ...

    def sync_all(self, root: Path) -> None:
        """Makes the whole file system durable on which the folder `root` is."""
        ...


class RealDisk:
    """The disk of this machine."""

    def create(self, path: Path, mode: int) -> int:
        """See Disk."""
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        fd = os.open(path, flags, mode)
        if stat.S_IMODE(os.fstat(fd).st_mode) != mode:  # the umask took something; a change would cost a journal entry
            os.fchmod(fd, mode)
        return fd

    def write(self, fd: int, data: bytes) -> None:
        """See Disk."""
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(fd, rest) :]

    def fsync(self, fd: int) -> None:
        """See Disk."""
        os.fsync(fd)

    def replace(self, source: Path, target: Path) -> None:
        """See Disk."""
        source.replace(target)

    def fsync_dir(self, path: Path) -> None:
        """See Disk."""
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def symlink(self, target: str, link: Path) -> None:
        """See Disk."""
        link.symlink_to(target)

    def unlink(self, path: Path) -> None:
        """See Disk."""
        path.unlink()

    def mkdir(self, path: Path, mode: int) -> None:
        """See Disk."""
        path.mkdir(mode)
        if stat.S_IMODE(path.stat().st_mode) != mode:
            path.chmod(mode)

    def sync_all(self, root: Path) -> None:
        """See Disk. Linux tells write errors that nobody was told of yet (5.8 and later)."""
        import ctypes  # 10 ms that only the mirroring of large trees spends

        libc = ctypes.CDLL(None, use_errno=True)
        fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            if libc.syncfs(fd) != 0:
                code = ctypes.get_errno()
                raise OSError(code, os.strerror(code), str(root))
        finally:
            os.close(fd)


REAL: Disk = RealDisk()


def write_atomic(path: Path, data: bytes, mode: int = 0o600, disk: Disk = REAL) -> None:
    """Replaces `path` by a file with exactly `data`; after a crash the old or the new content is there, never a mix.

    Durable when it returns. Raises OSError; the old file is then untouched, unless only the last fsync of the folder failed.
    """
    with temp_file(path, mode, disk) as file:
        disk.write(file.fileno(), data)


@contextmanager
def temp_file(path: Path, mode: int = 0o600, disk: Disk = REAL) -> Iterator[IO[bytes]]:
    """A new file, open for writing and reading, that becomes `path` when the block ends well.

    Same promise as `write_atomic`, for content that is made piece by piece. An exception in the block leaves `path` as it was.
    """
    temp: Path | None
    temp, fd = _create_temp(path.parent, mode, disk)
    try:
        with os.fdopen(fd, "w+b") as file:
            yield file
            file.flush()
            disk.fsync(fd)
        disk.replace(temp, path)
        temp = None
    finally:
        if temp is not None:
            with suppress(OSError):  # it is rubbish that sweep_temps takes; what went wrong matters more
                disk.unlink(temp)
    disk.fsync_dir(path.parent)


def _create_temp(folder: Path, mode: int, disk: Disk) -> tuple[Path, int]:
    """A fresh temp file; a name that a dead process with our pid left behind is passed over."""
    for temp in _temp_names(folder):
        try:
            return temp, disk.create(temp, mode)
        except FileExistsError:
            continue
    raise AssertionError


def _temp_names(folder: Path) -> Iterator[Path]:
    return (folder / f".{os.getpid()}-{n}{TEMP_SUFFIX}" for n in _serial)


def sweep_temps(folder: Path) -> int:
    """Removes what interrupted writes left in `folder`; returns how many. Only while nobody writes there."""
    left = [p for p in folder.glob(f".*{TEMP_SUFFIX}") if p.is_symlink() or p.is_file()]
    for path in left:
        path.unlink(missing_ok=True)
    return len(left)


def flip_link(link: Path, target: str, disk: Disk = REAL) -> None:
    """Points the symbolic link `link` at `target` in one step, durable when it returns. Raises OSError."""
    for temp in _temp_names(link.parent):
        try:
            disk.symlink(target, temp)
        except FileExistsError:
            continue
        try:
            disk.replace(temp, link)
        except OSError:
            temp.unlink(missing_ok=True)
            raise
        break
    disk.fsync_dir(link.parent)


def make_private_dir(path: Path, disk: Disk = REAL) -> None:
    """Makes sure that `path` is a folder with mode 0700, with its parents; durable when it returns.

    Raises OSError, also when a file or a link to nowhere stands in the way.
    """
    if path.is_dir():
        if stat.S_IMODE(path.stat().st_mode) != 0o700:
            path.chmod(0o700)
        return
    if not path.parent.is_dir():
        make_private_dir(path.parent, disk)
    try:
        disk.mkdir(path, 0o700)
    except FileExistsError:
        if not path.is_dir():
            raise
    disk.fsync_dir(path.parent)


def read_bytes_limited(path: Path | str, limit: int, *, follow: bool = True) -> bytes:
    """The content of a regular file of at most `limit` bytes.

    Raises OSError: EFBIG when it is larger, EINVAL when it is no regular file (a FIFO would block for ever), ELOOP when it is
    a link and `follow` is off.
    """
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW)
    fd = os.open(path, flags)
    try:
        info = os.fstat(fd)
        if not stat.S_ISREG(info.st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        chunks = []
        left = limit + 1
        while left > 0 and (chunk := os.read(fd, min(left, max(info.st_size + 1, 4096), 1 << 20))):
            chunks.append(chunk)
            left -= len(chunk)
    finally:
        os.close(fd)
    if left <= 0:
        raise OSError(errno.EFBIG, f"larger than {limit} bytes", str(path))
    return b"".join(chunks)


def remove_tree(path: Path) -> None:
    """Removes a file, a link (never what it points at) or a folder with all in it; nothing there is fine. Raises OSError."""
    if path.is_symlink() or path.is_file():
        path.unlink(missing_ok=True)
    elif path.exists():
        shutil.rmtree(path)
