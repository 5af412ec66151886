"""high_availability/state.sqlite: small named values that must survive together (term, position, journal, outbox, ledger …).

One table of cells, one transaction a commit, WAL with synchronous=FULL: after `commit` returns the change survives a power
loss, and a crash leaves all of a commit or none of it. 2,000 one-cell commits a second on the design machine.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Mapping
from pathlib import Path

from sitescope_fo.store.errors import StateUnreadable, StoreWriteFailed
from sitescope_fo.store.files import REAL, Disk
from sitescope_fo.store.free_name import free_name
from sitescope_fo.store.stamp import compact_stamp

SCHEMA = 1
Cell = tuple[str, str]
"""(kind, id)"""

_TABLES = (
    "CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    """CREATE TABLE IF NOT EXISTS cells
       (kind TEXT NOT NULL, id TEXT NOT NULL, value BLOB NOT NULL, PRIMARY KEY (kind, id)) WITHOUT ROWID""",
)


class CellStore:
    """The state file of one node. Single-threaded: callers run every call in one lane of the Work port."""

    def __init__(self, path: Path, disk: Disk = REAL) -> None:
        self.path = path
        self._disk = disk
        self._db: sqlite3.Connection | None = None
        self._inode = 0

    def open(self) -> None:
        """Opens the file, making it when missing.

        Raises StateUnreadable when it is damaged or from a newer release (then `set_aside` and open again), StoreWriteFailed
        when it cannot be opened or made.
        """
        self.close()
        try:
            if not self.path.exists():
                self._make_file()
            self._connect(check=True)
        except (sqlite3.OperationalError, OSError) as error:
            self.close()
            raise self._failed(error) from error
        except sqlite3.DatabaseError as error:
            self.close()
            raise self._unreadable(str(error)) from error
        except StateUnreadable:
            self.close()
            raise

    def _make_file(self) -> None:
        os.close(self._disk.create(self.path, 0o600))
        self._disk.fsync_dir(self.path.parent)

    def _connect(self, *, check: bool) -> None:
        """Opens an existing file; sqlite would make a missing one, and losing the file must not look like an empty state."""
        db = sqlite3.connect(
            f"{self.path.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None, check_same_thread=False, timeout=5
        )
        self._db = db
        self._inode = self.path.stat().st_ino
        db.execute("PRAGMA journal_mode=WAL").fetchone()
        db.execute("PRAGMA synchronous=FULL")
        if not check:
            return
        verdict = [str(row[0]) for row in db.execute("PRAGMA quick_check(5)")]
        if verdict != ["ok"]:
            raise self._unreadable("; ".join(verdict))
        found = _schema(db)
        if found not in {"", str(SCHEMA)}:
            raise StateUnreadable(
                f"The state file has schema {found}, this release reads {SCHEMA}",
                where=str(self.path),
                hint="Run the release that wrote it, or restore the file from before the upgrade",
                code="state_schema",
            )
        db.execute("BEGIN IMMEDIATE")
        for statement in _TABLES:
            db.execute(statement)
        db.execute("INSERT OR IGNORE INTO meta VALUES ('schema', ?)", (str(SCHEMA),))
        db.execute("COMMIT")

    def load(self) -> dict[Cell, bytes]:
        """Every cell. Raises StateUnreadable."""
        try:
            rows = self._need().execute("SELECT kind, id, value FROM cells").fetchall()
        except sqlite3.DatabaseError as error:
            raise self._unreadable(str(error)) from error
        return {(str(kind), str(name)): bytes(value) for kind, name, value in rows}

    def commit(self, changes: Mapping[Cell, bytes | None]) -> None:
        """Writes all `changes` (None deletes a cell) in one transaction, durable when it returns.

        Raises StoreWriteFailed. It is then unknown whether the change is on disk: commit the same cells again, which is safe;
        the file is opened anew for it.
        """
        try:
            if self._db is None:
                self._connect(check=False)
            if self.path.stat().st_ino != self._inode:
                raise FileNotFoundError(f"{self.path} was replaced while in use")
            self._write(self._need(), changes)
        except (sqlite3.Error, OSError) as error:
            self.close()
            raise self._failed(error) from error

    @staticmethod
    def _write(db: sqlite3.Connection, changes: Mapping[Cell, bytes | None]) -> None:
        db.execute("BEGIN IMMEDIATE")
        db.executemany(
            "INSERT INTO cells VALUES (?, ?, ?) ON CONFLICT (kind, id) DO UPDATE SET value = excluded.value",
            [(kind, name, value) for (kind, name), value in changes.items() if value is not None],
        )
        db.executemany("DELETE FROM cells WHERE kind = ? AND id = ?", [cell for cell, value in changes.items() if value is None])
        db.execute("COMMIT")

    def set_aside(self, wall: float) -> Path:
        """Renames a damaged file (and its WAL) to `state.sqlite.corrupt-<UTC stamp>` and returns that path; nothing is lost.

        Raises OSError.
        """
        self.close()
        target = free_name(self.path.with_name(f"{self.path.name}.corrupt-{compact_stamp(wall)}"))
        for suffix in ("-wal", "-shm", ""):
            source = self.path.with_name(self.path.name + suffix)
            if source.exists():
                self._disk.replace(source, target.with_name(target.name + suffix))
        self._disk.fsync_dir(self.path.parent)
        return target

    def close(self) -> None:
        """Closes the file; a transaction that was not committed is rolled back."""
        db, self._db = self._db, None
        if db is not None:
            db.close()

    def _need(self) -> sqlite3.Connection:
        if self._db is None:
            raise StoreWriteFailed("The state file is not open", where=str(self.path), hint="open() it first")
        return self._db

    def _failed(self, error: Exception) -> StoreWriteFailed:
        return StoreWriteFailed(
            f"The state file cannot be written: {error}",
            where=str(self.path),
            hint="Check free space, permissions and the disk",
        )

    def _unreadable(self, why: str) -> StateUnreadable:
        return StateUnreadable(
            f"The state file is damaged: {why}",
            where=str(self.path),
            hint="It is set aside at the next start, and the node begins in standby",
        )


def _schema(db: sqlite3.Connection) -> str:
    """The schema noted in the file, "" when it is new."""
    if not db.execute("SELECT 1 FROM sqlite_schema WHERE name = 'meta'").fetchone():
        return ""
    row = db.execute("SELECT value FROM meta WHERE name = 'schema'").fetchone()
    return str(row[0]) if row else ""
