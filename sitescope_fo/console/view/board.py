"""All monitors of a node as the console keeps them: which are shown, in which order, and which were touched."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable
from typing import Any

from sitescope_fo.console.view.filter import Filter
from sitescope_fo.console.view.tree import ALL, Groups, Place, handled, problem_of
from sitescope_fo.model.snapshot import MonitorRow

Key = tuple[str, str]
"""(profile, id)."""

SORTS = ("problems", "name", "value", "last run", "next run", "type")
_RANK = {"error": 0, "warning": 1, "nodata": 2, "good": 3, "disabled": 4}
_HANDLED = 2.5
"""Problems that somebody looks after, or that are planned, stand below those that nobody does, above what is good."""


def key_of(row: MonitorRow) -> Key:
    """What tells monitors apart, whatever they are called now."""
    return (row.profile, row.id)


def _problems(row: MonitorRow) -> Any:  # noqa: ANN401  # a key to sort by
    rank = _RANK.get(row.status, 5)
    return (_HANDLED if rank < 3 and handled(row) else rank, row.path, row.profile)


def _value(row: MonitorRow) -> Any:  # noqa: ANN401
    number = row.value if isinstance(row.value, int | float) and not isinstance(row.value, bool) else None
    return (number is None, -(number or 0), row.path)


_KEYS: dict[str, Callable[[MonitorRow], Any]] = {
    "problems": _problems,
    "name": lambda row: (row.path.casefold(), row.profile),
    "value": _value,
    "last run": lambda row: (row.last_run is None, _reverse(row.last_run or ""), row.path),
    "next run": lambda row: (row.next_run is None, row.next_run or "", row.path),
    "type": lambda row: (row.type, row.path),
}


def _reverse(stamp: str) -> tuple[int, ...]:
    return tuple(-ord(letter) for letter in stamp)


class Board:
    """Rows by key, and the list of those that are shown. Not thread-safe; the console's loop owns it."""

    def __init__(self) -> None:
        self._rows: dict[Key, MonitorRow] = {}
        self.groups = Groups()
        self.shown: list[Key] = []
        self.touched: set[Key] = set()
        """Rows that changed since `drain`."""
        self._filter, self._place, self._profile = Filter(), ALL, ""
        self._unhandled = False
        self._sort = "problems"
        self._stale_order = False

    # --- what arrives -----------------------------------------------------------------------------------------------

    def replace(self, rows: Iterable[MonitorRow]) -> None:
        """All monitors anew."""
        self._rows = {key_of(row): row for row in rows}
        self.touched.clear()
        self.groups.rebuild(self._rows.values())
        self.arrange()

    def change(self, rows: Iterable[MonitorRow]) -> None:
        """Rows that changed. Their place is put right by `arrange`, which is wanted when `unordered` says so."""
        for row in rows:
            key = key_of(row)
            before = self._rows.get(key)
            self._rows[key] = row
            self.touched.add(key)
            self.groups.change(before, row)
            if before is None or _moves(before, row, self._sort):
                self._stale_order = True

    @property
    def unordered(self) -> bool:
        """A change may have moved a row, brought one in or thrown one out."""
        return self._stale_order

    def drain(self) -> set[Key]:
        """The touched rows, once."""
        touched, self.touched = self.touched, set()
        return touched

    # --- what is shown ----------------------------------------------------------------------------------------------

    def arrange(self) -> None:
        """Filters and sorts: 10,000 rows in some 10 ms."""
        keep = self._filter.fits
        tree, group = self._place
        inside = f"{group}/" if group else ""
        rows = [
            row
            for row in self._rows.values()
            if (not self._profile or row.profile == self._profile)
            and (tree == ALL[0] or row.profile == tree)
            and row.path.startswith(inside)
            and (not self._unhandled or problem_of(row))
            and keep(row)
        ]
        rows.sort(key=_KEYS[self._sort])
        self.shown = [key_of(row) for row in rows]
        self._stale_order = False

    def narrow(
        self,
        *,
        filter: Filter | None = None,  # noqa: A002  # the word on the screen
        place: Place | None = None,
        profile: str | None = None,
        unhandled: bool | None = None,
        sort: str | None = None,
    ) -> None:
        """Changes what is shown; None leaves a part as it is."""
        self._filter = self._filter if filter is None else filter
        self._place = self._place if place is None else place
        self._profile = self._profile if profile is None else profile
        self._unhandled = self._unhandled if unhandled is None else unhandled
        self._sort = self._sort if sort is None else sort
        self.arrange()

    @property
    def sort(self) -> str:
        """One of SORTS."""
        return self._sort

    @property
    def unhandled(self) -> bool:
        """Only problems that nobody has acknowledged or planned."""
        return self._unhandled

    @property
    def place(self) -> Place:
        """The group or tree that is looked into."""
        return self._place

    @property
    def profile(self) -> str:
        """The profile that is looked into, "" = all."""
        return self._profile

    @property
    def filter_text(self) -> str:
        """What was typed."""
        return self._filter.text

    def __len__(self) -> int:
        return len(self._rows)

    def row(self, key: Key) -> MonitorRow | None:
        """A monitor, None when it is gone."""
        return self._rows.get(key)

    def rows(self) -> Iterable[MonitorRow]:
        """All monitors, shown or not."""
        return self._rows.values()

    def at(self, index: int) -> MonitorRow | None:
        """The monitor in line `index` of what is shown."""
        return self._rows.get(self.shown[index]) if 0 <= index < len(self.shown) else None

    def index_of(self, key: Key) -> int | None:
        """In which line a monitor is shown; None when it is not."""
        row = self._rows.get(key)
        if row is None:
            return None
        if not self._stale_order:
            by = _KEYS[self._sort]
            found = bisect_left(self.shown, by(row), key=lambda other: by(self._rows[other]))
            if found < len(self.shown) and self.shown[found] == key:
                return found
        return next((at for at, other in enumerate(self.shown) if other == key), None)


def _moves(before: MonitorRow, after: MonitorRow, sort: str) -> bool:
    """May a filter or the order see the change? Values that only tick do not move a row in most orders."""
    if before.status != after.status or handled(before) != handled(after) or before.path != after.path:
        return True
    if before.suspended != after.suspended or before.waiting != after.waiting:
        return True
    return sort in {"value", "last run", "next run"}
