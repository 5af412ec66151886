"""Daily result logs: `logs/daily/YYYY-MM-DD.sqlite`, one row a result, split at midnight UTC.

WAL with synchronous=NORMAL: a power loss may take the last batch (the next check brings a newer result), and never damages
a file; a killed process loses nothing that `append` returned for. Rows are kept in the order of (term, node, seq), which
names a result for ever: merging the same rows twice, or in another order, gives the same day.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import msgspec

from sitescope_fo.model.monitor import MonitorKey, Value
from sitescope_fo.model.status import Status
from sitescope_fo.store.daily_export import export_sitescope
from sitescope_fo.store.errors import StoreWriteFailed
from sitescope_fo.store.files import make_private_dir
from sitescope_fo.store.free_name import free_name
from sitescope_fo.store.result_values import decode_values, encode_values, plain_text
from sitescope_fo.store.stamp import day_of

__all__ = ["Appended", "ResultLog", "ResultRow", "Retained", "export_sitescope"]

_SUFFIX = ".sqlite"
_LATER = "unconfirmed"
"""A column that day files of earlier versions do not have: it is added at the next write, and reads as 0 until then."""
_COLUMNS = f"profile, monitor_id, path, type, wall, status, state_string, measured, duration_s, term, node, seq, {_LATER}"
_TABLES = (
    """CREATE TABLE IF NOT EXISTS results
       (term INTEGER NOT NULL, node TEXT NOT NULL, seq INTEGER NOT NULL, profile TEXT NOT NULL, monitor_id TEXT NOT NULL,
        path TEXT NOT NULL, type TEXT NOT NULL, wall REAL NOT NULL, status TEXT NOT NULL, state_string TEXT NOT NULL,
        measured TEXT NOT NULL, duration_s REAL NOT NULL, unconfirmed INTEGER NOT NULL DEFAULT 0,
        PRIMARY KEY (term, node, seq)) WITHOUT ROWID""",
    "CREATE INDEX IF NOT EXISTS by_monitor ON results (profile, monitor_id, wall)",
    "CREATE INDEX IF NOT EXISTS by_sequence ON results (node, seq)",
)
_INSERT = f"INSERT OR IGNORE INTO results ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608  # fixed text
_SELECT = f"SELECT {_COLUMNS} FROM results"  # noqa: S608  # fixed text
_OPEN_DAYS = 3


class ResultRow(msgspec.Struct, frozen=True, kw_only=True):
    """One result as recorded. (term, node, seq) names it; `wall` is POSIX seconds of its end."""

    profile: str
    monitor_id: str
    path: str
    type: str
    wall: float
    status: Status
    state_string: str
    values: dict[str, Value] = {}
    duration_s: float = 0.0
    term: int = 0
    node: str
    seq: int
    unconfirmed: bool = False
    """An error that asked for a second run (`verify_error`): it changed nothing, and reports leave it out."""


class Appended(msgspec.Struct, frozen=True):
    """What `append` did: rows that were new, and day files that were damaged and therefore set aside."""

    new: int
    set_aside: tuple[Path, ...] = ()


class Retained(msgspec.Struct, frozen=True):
    """What `retain` deleted: days, and those among them that were still protected."""

    deleted: tuple[str, ...] = ()
    unshipped: tuple[str, ...] = ()


class ResultLog:
    """The day files of one folder.

    `append` and `retain` run in one lane of the Work port; reading opens its own connection and may run beside them.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._open: dict[str, sqlite3.Connection] = {}

    def append(self, rows: Iterable[ResultRow]) -> Appended:
        """Records rows, one transaction a day; a row that is there already is passed over.

        A day file that is damaged is renamed to `….corrupt` and begun anew. Raises StoreWriteFailed; days already written stay.
        """
        by_day: dict[str, list[tuple[object, ...]]] = {}
        for row in rows:
            by_day.setdefault(day_of(row.wall), []).append(_record(row))
        new = 0
        aside = []
        for day, records in sorted(by_day.items()):
            try:
                new += self._write(day, records)
            except (sqlite3.OperationalError, OSError) as error:
                self._drop(day)
                raise self._failed(day, error) from error
            except sqlite3.DatabaseError:  # damaged, or no database at all
                aside.append(self._set_aside(day))
                try:
                    new += self._write(day, records)
                except (sqlite3.Error, OSError) as error:
                    self._drop(day)
                    raise self._failed(day, error) from error
        return Appended(new, tuple(aside))

    def _write(self, day: str, records: list[tuple[object, ...]]) -> int:
        db = self._writer(day)
        before = db.total_changes
        db.execute("BEGIN IMMEDIATE")
        db.executemany(_INSERT, records)
        db.execute("COMMIT")
        return db.total_changes - before

    def _writer(self, day: str) -> sqlite3.Connection:
        path = self._path(day)
        db = self._open.pop(day, None)
        if db is not None and not path.exists():
            db.close()
            db = None
        if db is None:
            make_private_dir(self.folder)
            path.touch(0o600)
            db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5)
            self._open[day] = db
            db.execute("PRAGMA journal_mode=WAL").fetchone()
            db.execute("PRAGMA synchronous=NORMAL")
            for statement in _TABLES:
                db.execute(statement)
            if not _has_later(db):
                db.execute(f"ALTER TABLE results ADD COLUMN {_LATER} INTEGER NOT NULL DEFAULT 0")
        self._open[day] = db  # last in, last out
        while len(self._open) > _OPEN_DAYS:
            self._drop(next(iter(self._open)))
        return db

    def _drop(self, day: str) -> None:
        db = self._open.pop(day, None)
        if db is not None:
            db.close()

    def close(self) -> None:
        """Closes every file."""
        for day in list(self._open):
            self._drop(day)

    def _set_aside(self, day: str) -> Path:
        self._drop(day)
        path = self._path(day)
        target = free_name(path.with_name(f"{path.name}.corrupt"))
        for suffix in ("-wal", "-shm", ""):
            source = path.with_name(path.name + suffix)
            if source.exists():
                source.rename(target.with_name(target.name + suffix))
        return target

    def _failed(self, day: str, error: Exception) -> StoreWriteFailed:
        return StoreWriteFailed(
            f"Results of {day} cannot be written: {error}", where=str(self._path(day)), hint="Check free space and the disk"
        )

    def _path(self, day: str) -> Path:
        return self.folder / f"{day}{_SUFFIX}"

    def days(self) -> tuple[str, ...]:
        """The days that have a file, oldest first."""
        return tuple(sorted(path.name.removesuffix(_SUFFIX) for path in self.folder.glob(f"????-??-??{_SUFFIX}")))

    def read(  # noqa: PLR0913  # what one may ask for, each named
        self,
        day: str,
        *,
        monitor_id: str | None = None,
        profile: str | None = None,
        node: str | None = None,
        since_seq: int | None = None,
        since_wall: float | None = None,
        before_wall: float | None = None,
        limit: int = 1000,
        newest: bool = False,
    ) -> list[ResultRow]:
        """At most `limit` rows of a day, oldest first; with `newest` the last ones of it, still oldest first.

        `since_wall` itself is among them, `before_wall` is not.
        With `since_seq` only rows with a higher seq (a counter of each node: give `node` too), in the order of seq, for shipping.
        A day without a file is empty. Raises StoreWriteFailed (`day_unreadable`) when the file is damaged.
        """
        tests = {
            "monitor_id = ?": monitor_id,
            "profile = ?": profile,
            "node = ?": node,
            "seq > ?": since_seq,
            "wall >= ?": since_wall,
            "wall < ?": before_wall,
        }
        used = {test: value for test, value in tests.items() if value is not None}
        where = f" WHERE {' AND '.join(used)}" if used else ""
        by = ["seq", "node"] if since_seq is not None else ["wall", "term", "node", "seq"]
        order = ", ".join(f"{column} DESC" if newest else column for column in by)
        rows = self._select(day, f"{_SELECT}{where} ORDER BY {order} LIMIT ?", (*used.values(), limit))
        return rows[::-1] if newest else rows

    def _select(self, day: str, query: str, values: tuple[object, ...]) -> list[ResultRow]:
        path = self._path(day)
        if not path.exists():
            return []
        try:
            db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, check_same_thread=False, timeout=5)
            try:
                if not _has_later(db):
                    query = query.replace(f", {_LATER}", ", 0", 1)
                return [_row(record) for record in db.execute(query, values)]
            finally:
                db.close()
        except sqlite3.OperationalError as error:
            if "no such table" in str(error):
                return []  # made this moment, its first batch is not in yet
            raise self._unreadable(day, error) from error
        except (sqlite3.DatabaseError, msgspec.MsgspecError, ValueError) as error:
            raise self._unreadable(day, error) from error

    def _unreadable(self, day: str, error: Exception) -> StoreWriteFailed:
        return StoreWriteFailed(
            f"Results of {day} cannot be read: {error}",
            where=str(self._path(day)),
            hint="A damaged day is set aside at the next write to it",
            code="day_unreadable",
        )

    def rows(self, day: str, *, monitor_id: str | None = None) -> Iterator[ResultRow]:
        """Every row of a day, oldest first, fetched in pages: for exports and merges."""
        after: tuple[object, ...] = (-1e300, -1, "", -1)
        narrowed = " AND monitor_id = ?" if monitor_id is not None else ""
        query = f"{_SELECT} WHERE (wall, term, node, seq) > (?, ?, ?, ?){narrowed} ORDER BY wall, term, node, seq LIMIT 5000"
        values = (monitor_id,) if monitor_id is not None else ()
        while page := self._select(day, query, (*after, *values)):
            yield from page
            after = (page[-1].wall, page[-1].term, page[-1].node, page[-1].seq)

    def last(self, monitor: MonitorKey) -> ResultRow | None:
        """The newest recorded result of a monitor, from whatever day. Raises as `read`."""
        for day in reversed(self.days()):
            rows = self.read(day, monitor_id=monitor.id, profile=monitor.profile, limit=1, newest=True)
            if rows:
                return rows[0]
        return None

    def last_seq(self, node: str) -> int:
        """The highest seq of `node` in the two newest days that have rows of it, 0 when none. A damaged day counts as empty."""
        found: list[int] = []
        for day in reversed(self.days()):
            with suppress(StoreWriteFailed):
                found += [row.seq for row in self.read(day, node=node, since_seq=-1, limit=1, newest=True)]
            if len(found) == 2:
                break
        return max(found, default=0)

    def highest_term(self) -> int:
        """The highest term of any recorded result, 0 when there is none. A damaged day counts as empty."""
        found = 0
        for day in self.days():
            with suppress(StoreWriteFailed):
                rows = self._select(day, f"{_SELECT} ORDER BY term DESC LIMIT 1", ())
                found = max([found, *(row.term for row in rows)])
        return found

    def size_bytes(self, day: str) -> int:
        """What a day takes on disk, its WAL included."""
        return sum(_size(self.folder / f"{day}{_SUFFIX}{part}") for part in ("", "-wal", "-shm"))

    def retain(self, *, keep_s: float, max_bytes: int, wall: float, protected_days: Collection[str] = ()) -> Retained:
        """Deletes days that ended more than `keep_s` ago, then the oldest ones while all take more than `max_bytes`.

        Protected days (not shipped home yet) only go for `max_bytes`; today and what lies ahead never goes. Raises OSError.
        """
        today, oldest_kept = day_of(wall), day_of(max(0.0, wall - keep_s))
        sizes = {day: self.size_bytes(day) for day in self.days()}
        deleted = [day for day in sizes if day < min(oldest_kept, today) and day not in protected_days]
        left = [day for day in sizes if day not in deleted]
        total = sum(sizes[day] for day in left)
        for day in left:
            if total <= max_bytes or day >= today:
                break
            deleted.append(day)
            total -= sizes[day]
        for day in deleted:
            self._drop(day)
            for part in ("-shm", "-wal", ""):
                (self.folder / f"{day}{_SUFFIX}{part}").unlink(missing_ok=True)
        return Retained(tuple(sorted(deleted)), tuple(sorted(day for day in deleted if day in protected_days)))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _has_later(db: sqlite3.Connection) -> bool:
    return any(name == _LATER for _, name, *_ in db.execute("PRAGMA table_info(results)"))


def _record(row: ResultRow) -> tuple[object, ...]:
    return (
        row.profile,
        row.monitor_id,
        plain_text(row.path),
        row.type,
        row.wall,
        row.status.value,
        plain_text(row.state_string),
        encode_values(row.values),
        row.duration_s,
        row.term,
        row.node,
        row.seq,
        int(row.unconfirmed),
    )


def _row(record: tuple[str, str, str, str, float, str, str, str, float, int, str, int, int]) -> ResultRow:
    profile, monitor_id, path, kind, wall, status, state_string, measured, duration_s, term, node, seq, unconfirmed = record
    return ResultRow(
        profile=profile,
        monitor_id=monitor_id,
        path=path,
        type=kind,
        wall=wall,
        status=Status(status),
        state_string=state_string,
        values=decode_values(measured),
        duration_s=duration_s,
        term=term,
        node=node,
        seq=seq,
        unconfirmed=bool(unconfirmed),
    )
