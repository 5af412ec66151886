"""The single-instance lock of a home: whoever holds it runs the node.

An open-file-description lock, not flock(2): the kernel answers "does somebody hold it" without taking it, so that `status`
asking can never make a start fail. It goes with its process, however that ends.
"""

from __future__ import annotations

import fcntl
import os
import struct
from pathlib import Path

from sitescope_fo.model.errors import Conflict
from sitescope_fo.store.home_paths import Home

_FLOCK = struct.Struct("hhqqi")


class Lock:
    """A held lock; `release` or the end of the process gives it back."""

    def __init__(self, fd: int, path: Path) -> None:
        self._fd = fd
        self.path = path

    def release(self) -> None:
        """Gives the lock back; a second call does nothing."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def acquire(home: Home) -> Lock:
    """Takes the lock and notes this process's id in it.

    Raises Conflict (`already_running`) when another process holds it, OSError when the lock file cannot be written.
    """
    fd = os.open(home.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.fcntl(fd, fcntl.F_OFD_SETLK, _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0))
    except (BlockingIOError, PermissionError) as error:
        pid = _noted_pid(fd)
        os.close(fd)
        raise Conflict(
            f"A node already runs on this home (pid {pid or 'unknown'})",
            where=str(home.root),
            hint="Attach to it, or stop it first",
            code="already_running",
        ) from error
    except OSError:
        os.close(fd)
        raise
    os.ftruncate(fd, 0)
    os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
    return Lock(fd, home.lock)


def holder(home: Home) -> int | None:
    """The process id that holds the lock, 0 when it is held but not noted yet, None when nobody holds it. Raises OSError."""
    try:
        fd = os.open(home.lock, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    try:
        ask = _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
        kind = _FLOCK.unpack_from(fcntl.fcntl(fd, fcntl.F_OFD_GETLK, ask))[0]
        return None if kind == fcntl.F_UNLCK else _noted_pid(fd)
    finally:
        os.close(fd)


def _noted_pid(fd: int) -> int:
    text = os.pread(fd, 32, 0).strip()
    return int(text) if text.isdigit() else 0
