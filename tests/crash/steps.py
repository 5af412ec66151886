# ruff: noqa: PTH100, PTH115, PTH117, PTH118, PLW0603
# Paths here are what system calls were given, as text; the one tracer of a process is a global, as the hooks are.
"""Sees every durable step of the product, and makes one of them fail or be the last one.

A step is a system call that changes what a crash leaves behind: a file opened for writing, a write, an fsync, a rename, a
removal, a folder, a link, a statement that writes to SQLite. Python's audit events name those that go by names, so no writer can
escape by not using the disk port; `os.write`, `os.fsync` and SQLite have no such events and are wrapped.
"""

import errno
import os
import sqlite3
import sys
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from sitescope_fo.store.files import RealDisk
from tests.crash.unsynced import Unsynced
from tests.simulation.process import PROCESS

PRODUCT = str(Path(sys.modules["sitescope_fo"].__file__).parent) + os.sep
FRAMES = 3
_NAMED = {"open", "os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.symlink", "os.link", "os.truncate", "os.chmod"}
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_NEEDS_SPACE = {"open", "write", "mkdir", "symlink", "link", "sql"}
_READS = ("SELECT", "PRAGMA QUICK_CHECK", "PRAGMA TABLE_INFO", "PRAGMA INTEGRITY", "PRAGMA SYNCHRONOUS", "ROLLBACK")


class Died(BaseException):
    """The process is gone: no clean-up of the product has any effect after this."""


@dataclass(frozen=True)
class Step:
    """One durable step. `site` is the way to it through the product, `lines` are the places on that way."""

    kind: str
    path: str
    site: str
    lines: frozenset


class Fault:
    """What happens at step `at` (from 0) of the work under trial, and after it."""

    kills = True

    def strike(self, steps, kind, tear):
        """Called instead of the step; returns when the step may go on."""
        tear()
        raise Died


class DiskFault(Fault):
    """The step fails with an error: once, or as long as `lasts_s` all that need space do."""

    kills = False

    def __init__(self, code, now=None, lasts_s=0.0):
        self._code, self._now, self._lasts_s = code, now, lasts_s
        self._until = None

    def strike(self, steps, kind, tear):
        if self._until is None and self._lasts_s:
            self._until = self._now() + self._lasts_s
        raise self._error(kind)

    def still(self, kind):
        """The error of a later step, None when it may go on."""
        if self._until is None or kind not in _NEEDS_SPACE or self._now() >= self._until:
            return None
        return self._error(kind)

    def _error(self, kind):
        if kind == "sql":
            return sqlite3.OperationalError("database or disk is full" if self._code == errno.ENOSPC else "disk I/O error")
        return OSError(self._code, os.strerror(self._code))


class Steps:
    """Counts the steps below `root` while `watching`, and lets `fault` strike at step `at`."""

    def __init__(self, root):
        self.root = str(root) + os.sep
        self.unsynced = Unsynced(root)
        self.found, self.strays = [], []
        self.fault, self.at, self.victim = None, -1, ""
        self.dead = self.struck = False
        self._watched = ""
        self._busy = False

    @contextmanager
    def watching(self, home):
        """What is done inside counts; `home` is whose power loss is looked at."""
        self._watched, self.found = str(home), []
        try:
            yield self
        finally:
            self._watched = ""

    @contextmanager
    def quiet(self):
        """What is done inside is the test's own."""
        self._busy = True
        try:
            yield
        finally:
            self._busy = False

    def step(self, kind, path, *, tear=lambda: None, note=lambda: None):
        """One step that is about to be done on `path`."""
        if self._busy or not path.startswith(self.root):
            return
        self._busy = True
        try:
            if self._watched:
                self._count(kind, path, tear)
            elif PROCESS.get() is not None and (site := _way(3)[0]):
                self.strays.append(f"{site}: {kind} {path.removeprefix(self.root)}")
            note()
        finally:
            self._busy = False

    def _count(self, kind, path, tear):
        if self.dead:
            raise Died
        number = len(self.found)
        step = Step(kind, path.removeprefix(self.root), *_way(4))
        self.found.append((step, self.unsynced.below(self._watched)))
        if number == self.at and self.fault is not None:
            self.struck, self.dead = True, self.fault.kills
            self.fault.strike(self, kind, tear)

    def later(self, kind, path):
        """What a fault that lasts does to a step of any later work."""
        if isinstance(self.fault, DiskFault) and path.startswith(self.victim) and (error := self.fault.still(kind)) is not None:
            raise error


def _way(depth):
    """(site, places): the product's functions on the stack above `depth` frames, outermost first."""
    names, places = [], set()
    frame = sys._getframe(depth)
    while frame is not None:
        code = frame.f_code
        if code.co_filename.startswith(PRODUCT):
            file = code.co_filename.removeprefix(PRODUCT)
            names.append(f"{file.removesuffix('.py').replace(os.sep, '.')}.{code.co_qualname}")
            places.add((file, frame.f_lineno))
        elif names and code.co_name == "perform":
            break
        frame = frame.f_back
    return " > ".join(reversed(names[:FRAMES])), frozenset(places)


# --- what sees the system calls ---------------------------------------------------------------------------------------

_current = None
_hooked = False
_real_write, _real_fsync, _real_connect, _real_sync_all = os.write, os.fsync, sqlite3.connect, RealDisk.sync_all


@contextmanager
def tracing(steps):
    """Every step of this process is shown to `steps`."""
    global _current, _hooked
    if not _hooked:
        sys.addaudithook(_audit)
        _hooked = True
    _current = steps
    os.write, os.fsync, sqlite3.connect, RealDisk.sync_all = _write, _fsync, _connect, _sync_all
    try:
        yield steps
    finally:
        _current = None
        os.write, os.fsync, sqlite3.connect, RealDisk.sync_all = _real_write, _real_fsync, _real_connect, _real_sync_all


def _audit(event, args):
    if event not in _NAMED or _current is None or _current._busy:
        return
    steps, kind = _current, event.removeprefix("os.")
    if event == "open" and not (isinstance(args[2], int) and args[2] & _WRITING):
        return
    if event in {"os.symlink", "os.rename", "os.link"}:
        path = _full(args[1], args[3] if len(args) > 3 else args[2] if event == "os.symlink" else -1)
    else:
        path = _full(args[0], args[-1] if event in {"os.remove", "os.rmdir", "os.mkdir"} else -1)
    if path is None or not path.startswith(steps.root):
        return
    steps.later(kind, path)
    steps.step(kind, path, note=lambda: steps.unsynced.named(kind, path, args))


def _full(path, dir_fd):
    """The absolute path of a name, None for what is no path."""
    if isinstance(path, int):
        return _path_of(path)
    try:
        name = os.fsdecode(path)
    except TypeError:
        return None
    if os.path.isabs(name) or not isinstance(dir_fd, int) or dir_fd < 0:
        return os.path.abspath(name)
    return os.path.join(_path_of(dir_fd), name)


def _path_of(fd):
    try:
        return os.readlink(f"/proc/self/fd/{fd}")
    except OSError:
        return ""


def _write(fd, data):
    path = _path_of(fd)
    if path.startswith(_current.root):
        _current.later("write", path)
        _current.step(
            "write", path, tear=lambda: _real_write(fd, bytes(data)[: len(data) // 2]), note=lambda: _current.unsynced.wrote(path)
        )
    return _real_write(fd, data)


def _fsync(fd):
    path = _path_of(fd)
    if path.startswith(_current.root):
        _current.step("fsync", path)
    _real_fsync(fd)
    _current.unsynced.synced(path)


def _sync_all(disk, root):
    _current.step("syncfs", str(root))
    _current.unsynced.all_synced()
    # The real call would wait for every other writer of this machine, and what it promises is in the line above.


class Connection(sqlite3.Connection):
    """Shows each statement that writes. What was opened before a fork is never touched in the child, not even closed."""

    def __init__(self, database, *args, **options):
        super().__init__(database, *args, **options)
        self.file = str(database).removeprefix("file://").partition("?")[0]
        self.pid, self.doomed = os.getpid(), False
        ALIVE.add(self)

    def execute(self, sql, *args):
        self._step(sql)
        return super().execute(sql, *args)

    def executemany(self, sql, *args):
        self._step(sql)
        return super().executemany(sql, *args)

    def _step(self, sql):
        if _current is not None and not sql.lstrip().upper().startswith(_READS):
            _current.later("sql", self.file)
            _current.step("sql", self.file)

    def close(self):
        if self.pid == os.getpid() and not self.doomed and not (_current is not None and _current.dead):
            ALIVE.discard(self)
            super().close()


ALIVE = set()
"""Connections that must not be collected: SQLite would write when it closes them."""


def _connect(database, *args, **options):
    return _real_connect(database, *args, **{"factory": Connection, **options})


def doom(home):
    """The process that has files below `home` open is dead: it holds no locks, and closes nothing."""
    for connection in ALIVE:
        if connection.pid == os.getpid() and connection.file.startswith(str(home)):
            connection.doomed = True
            with suppress(sqlite3.Error):
                connection.rollback()


def fresh_files(home):
    """Gives every SQLite file below `home` a new inode, as what a dead process has open is nobody's; its memory map is lost."""
    for path in [*home.rglob("*.sqlite"), *home.rglob("*.sqlite-wal")]:
        copy = path.with_name(path.name + ".copy")
        copy.write_bytes(path.read_bytes())
        copy.replace(path)
    for path in home.rglob("*.sqlite-shm"):
        path.unlink()
