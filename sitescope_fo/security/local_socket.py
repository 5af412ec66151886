"""Where the local command socket lies, who may reach it, and how a client finds it.

It is `run/console.sock` in a folder with mode 0700, itself 0600. The kernel takes paths of at most 107 bytes: when the path
has over 100, the socket lies in a private folder under /run/user/UID or the temporary folder, and `run/console.sock` is a
file that holds its path.
"""

from __future__ import annotations

import hashlib
import os
import socket
import stat
import tempfile
from pathlib import Path

from sitescope_fo.model.errors import Conflict, Refused, Unreachable
from sitescope_fo.store import files
from sitescope_fo.store.home import Home

LONGEST = 100
_BACKLOG = 64
_NAME_ROOM = 32  # what mkdtemp and the name of the socket add
_FOLDER = "sitescope-fo-"


class LocalSocket:
    """A bound socket and the files that lead to it."""

    def __init__(self, sock: socket.socket, path: Path, pointer: Path | None) -> None:
        self.sock = sock
        self.path = path
        self._pointer = pointer

    def remove(self) -> None:
        """Closes the socket and takes its files away, unless a successor already listens there. Blocking, short."""
        self.sock.close()
        try:
            _clear(self.path)
            if self._pointer is not None:
                self._pointer.unlink()
                self.path.parent.rmdir()
        except (FileNotFoundError, Conflict):
            return


def bind_local(home: Home) -> LocalSocket:
    """Binds the command socket of a home; what a dead process left is replaced. Blocking, short.

    Raises Conflict (`already_running`) when somebody listens there, Refused (`socket_folder`) when its folder is not ours,
    OSError.
    """
    files.make_private_dir(home.run)
    pointer = None
    path = home.socket
    try:
        old = find_local(home)
    except Unreachable:
        old = path
    _clear(old)
    if len(os.fsencode(path)) > LONGEST:
        if old != path and old.parent.is_dir():
            _forget_folder(old.parent)
        pointer, path = path, _short_folder(home) / "console.sock"
        _clear(path)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.bind(str(path))
        path.chmod(0o600)
        sock.listen(_BACKLOG)
        sock.setblocking(False)
        if pointer is not None:
            files.write_atomic(pointer, f"{path}\n".encode(), 0o600)
    except OSError:
        sock.close()
        raise
    return LocalSocket(sock, path, pointer)


def find_local(home: Home) -> Path:
    """The path of the command socket, without looking whether anybody listens. Raises Unreachable (`not_running`)."""
    path = home.socket
    try:
        mode = path.lstat().st_mode
        if stat.S_ISSOCK(mode):
            return path
        return Path(files.read_bytes_limited(path, 4096, follow=False).decode().strip())
    except PermissionError as error:
        raise Refused(
            "The node of this home belongs to another user",
            where=str(home.run),
            hint="Run the command as the user that owns the home, or as root",
            code="not_owner",
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise not_running(home) from error


def not_running(home: Home) -> Unreachable:
    """The error for a home whose daemon does not run."""
    return Unreachable(
        "The node is not running",
        where=str(home.root),
        hint=f"Start it with `sitescope-fo --home {home.root} --daemon`",
        code="not_running",
    )


def _clear(path: Path) -> None:
    """Removes a socket nobody listens on."""
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            return
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            path.unlink(missing_ok=True)
            return
        except BlockingIOError:
            pass  # its backlog is full: somebody is there
    raise Conflict(
        "Another process serves this home", where=str(path), hint="Stop it first, or attach to it", code="already_running"
    )


def runtime_folder() -> Path:
    """Where the system keeps a user's sockets, when somebody is logged in."""
    return Path(f"/run/user/{os.getuid()}")


def _short_folder(home: Home) -> Path:
    runtime = runtime_folder()
    if _is_private(runtime):
        folder = runtime / (_FOLDER + hashlib.sha256(os.fsencode(home.root)).hexdigest()[:12])
        folder.mkdir(mode=0o700, exist_ok=True)
        if not _is_private(folder):
            raise Refused(
                "The folder for the command socket is not private", where=str(folder), hint="Remove it", code="socket_folder"
            )
        return folder
    wanted = tempfile.gettempdir()
    short = len(os.fsencode(wanted)) + len(_FOLDER) + _NAME_ROOM <= LONGEST
    return Path(tempfile.mkdtemp(prefix=_FOLDER, dir=wanted if short else "/tmp"))  # noqa: S108  # mkdtemp makes it private


def _is_private(folder: Path) -> bool:
    try:
        info = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(info.st_mode) and info.st_uid == os.getuid() and stat.S_IMODE(info.st_mode) == 0o700


def _forget_folder(folder: Path) -> None:
    """Removes the private folder of a socket that a dead process left, when it is one of ours and empty."""
    if folder.name.startswith(_FOLDER) and _is_private(folder) and not any(folder.iterdir()):
        folder.rmdir()
