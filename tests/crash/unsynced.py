# ruff: noqa: PTH100, PTH104, PTH110, PTH112, PTH113, PTH114, PTH115, PTH116, PTH120, PTH202
# Paths here are what system calls were given, as text; the one tracer of a process is a global, as the hooks are.
"""What a power loss takes: names and data that no fsync has made durable yet.

Two ways a disk may have put things in order. "names": nothing since the last fsync of a folder happened in it. "data": all names
are there, and files whose content was not fsynced are cut to half. SQLite's own files are trusted, text logs promise nothing.
"""

import os
import shutil
from contextlib import suppress
from pathlib import Path

_TRUSTED = (".sqlite", ".sqlite-wal", ".sqlite-shm", ".log", ".copy")


class Unsynced:
    """Follows one folder tree. Every `named` comes before its step is done."""

    def __init__(self, root):
        self.root = str(root) + os.sep
        self._data = {}
        self._undo = []

    def _follows(self, path):
        return path.startswith(self.root) and not path.endswith(_TRUSTED) and f"{os.sep}run{os.sep}" not in path

    def below(self, folder):
        """Whether a power loss would take anything below `folder`."""
        start = str(folder) + os.sep
        return any(path.startswith(start) for path in self._data) or any(item[1].startswith(start) for item in self._undo)

    def named(self, kind, path, args):
        """A step that changes names is about to be done."""
        if not self._follows(path):
            return
        if kind == "rename":
            source = os.path.abspath(os.fsdecode(args[0]))
            if os.path.lexists(source):
                self._undo.append(("rename", path, source, _before(path)))
                self._data = {
                    path + p[len(source) :] if p == source or p.startswith(source + os.sep) else p: n
                    for p, n in self._data.items()
                }
        elif kind == "remove":
            self._undo.append(("restore", path, None, _before(path)))
        elif not os.path.lexists(path) and kind in {"open", "mkdir", "symlink"}:
            self._undo.append(("remove", path, None, None))

    def wrote(self, path):
        """A file is about to be written to."""
        if self._follows(path):
            self._data.setdefault(path, os.path.getsize(path) if os.path.exists(path) else 0)

    def synced(self, path):
        """A file or a folder is durable."""
        self._data.pop(path, None)
        if os.path.isdir(path):
            self._undo = [item for item in self._undo if os.path.dirname(item[1]) != path]

    def all_synced(self):
        """The whole file system is."""
        self._data.clear()
        self._undo.clear()

    def lose(self, how, folder):
        """The power goes for the machine whose disk is `folder`."""
        start = str(folder) + os.sep
        if how == "data":
            for path, had in self._data.items():
                if path.startswith(start) and os.path.isfile(path):
                    os.truncate(path, had + max(0, os.path.getsize(path) - had) // 2)
            return
        for kind, path, source, before in reversed(self._undo):
            if path.startswith(start):
                with suppress(OSError):
                    _undone(kind, Path(path), source, before)


def _before(path):
    """What stands at a place: a link's target, a file's mode and content, None for nothing or a folder."""
    if os.path.islink(path):
        return os.readlink(path)
    if os.path.isfile(path):
        return os.stat(path).st_mode & 0o777, Path(path).read_bytes()
    return None


def _undone(kind, path, source, before):
    if kind == "rename" and os.path.lexists(path) and not os.path.lexists(source):
        os.rename(path, source)
    elif kind == "remove":
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    if isinstance(before, str):
        path.unlink(missing_ok=True)
        path.symlink_to(before)
    elif before is not None:
        mode, content = before
        path.write_bytes(content)
        path.chmod(mode)
