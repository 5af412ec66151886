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
_Entry = tuple[Any, Key]
"""What the order goes by."""

SORTS = ("problems", "name", "value", "last run", "next run", "type")
_RANK = {"error": 0, "warning": 1, "nodata": 2, "good": 3, "disabled": 4}
_HANDLED = 2.5
"""Problems that somebody looks after, or that are planned, stand below those that nobody does, above what is good."""


def key_of(row: MonitorRow) -> Key:
    """What tells monitors apart, whatever they are called now."""
    return (row.profile, row.id)


def _problems(row: MonitorRow) -> Any:  # noqa: ANN401  # a key to sort by
    rank = _RANK.get(row.status, 5)
    return f"{_HANDLED if rank < 3 and handled(row) else rank:.1f}{row.path}\0{row.profile}"


def _value(row: MonitorRow) -> Any:  # noqa: ANN401
    number = row.value if isinstance(row.value, int | float) and not isinstance(row.value, bool) else None
    return (number is None, -(number or 0), row.path)


_NEVER = "~"
"""Behind every moment."""
# One string each where it can be: sorting 10,000 takes half as long as with parts to compare.
_KEYS: dict[str, Callable[[MonitorRow], Any]] = {
    "problems": _problems,
    "name": lambda row: f"{row.path.casefold()}\0{row.profile}",
    "value": _value,
    "last run": lambda row: f"{_reverse(row.last_run) if row.last_run else _NEVER}\0{row.path}",
    "next run": lambda row: f"{row.next_run or _NEVER}\0{row.path}",
    "type": lambda row: f"{row.type}\0{row.path}",
}


def _reverse(stamp: str) -> str:
    """Digits turned round: of two stamps the later one comes first."""
    return stamp.translate(_TURNED)


_TURNED = str.maketrans("0123456789", "9876543210")


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
        self._order: list[_Entry] = []
        self._entries: dict[Key, _Entry] = {}
        self._moved: set[Key] = set()

    # --- what arrives -----------------------------------------------------------------------------------------------

    def replace(self, rows: Iterable[MonitorRow]) -> None:
        """All monitors anew."""
        self._rows = {key_of(row): row for row in rows}
        self.touched.clear()
        self.groups.rebuild(self._rows.values())
        self.arrange()

    def change(self, rows: Iterable[MonitorRow]) -> None:
        """Rows that changed. Their place is put right by `settle`, which is wanted when `unordered` says so."""
        for row in rows:
            key = key_of(row)
            before = self._rows.get(key)
            self._rows[key] = row
            self.touched.add(key)
            self.groups.change(before, row)
            if before is None or self._moves(before, row):
                self._moved.add(key)

    @property
    def unordered(self) -> bool:
        """A change may have moved a row, brought one in or thrown one out."""
        return bool(self._moved)

    def drain(self) -> set[Key]:
        """The touched rows, once."""
        touched, self.touched = self.touched, set()
        return touched

    # --- what is shown ----------------------------------------------------------------------------------------------

    def arrange(self) -> None:
        """Filters and sorts all rows: 10,000 in some 25 ms."""
        by = _KEYS[self._sort]
        if self._fits_all():
            self._order = [(by(row), key) for key, row in self._rows.items()]
        else:
            fits = self._fits
            self._order = [(by(row), key) for key, row in self._rows.items() if fits(row)]
        self._order.sort()
        self._entries = {entry[1]: entry for entry in self._order}
        self.shown = [key for _, key in self._order]
        self._moved.clear()

    def settle(self) -> None:
        """Puts the rows right that may have moved, each in some 10 us. `shown` is another list only when it is another one."""
        by, shown, changed = _KEYS[self._sort], list(self.shown), False
        for key in self._moved:
            row, before = self._rows[key], self._entries.get(key)
            after = (by(row), key) if self._fits(row) else None
            if before == after:
                continue
            changed = True
            if before is not None:
                at = bisect_left(self._order, before)
                del self._order[at], shown[at], self._entries[key]
            if after is not None:
                at = bisect_left(self._order, after)
                self._order.insert(at, after)
                shown.insert(at, key)
                self._entries[key] = after
        self._moved.clear()
        if changed:
            self.shown = shown

    def _fits_all(self) -> bool:
        """Nothing is left out."""
        return not (self._profile or self._place != ALL or self._unhandled or self._filter.tests)

    def _fits(self, row: MonitorRow) -> bool:
        tree, group = self._place
        return (
            (not self._profile or row.profile == self._profile)
            and (tree == ALL[0] or row.profile == tree)
            and (not group or row.path.startswith(f"{group}/"))
            and (not self._unhandled or bool(problem_of(row)))
            and self._filter.fits(row)
        )

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
        entry = self._entries.get(key)
        return bisect_left(self._order, entry) if entry is not None else None

    def _moves(self, before: MonitorRow, after: MonitorRow) -> bool:
        """May a filter or the order see the change? Values that only tick do not move a row in most orders."""
        if before.status != after.status or handled(before) != handled(after) or before.path != after.path:
            return True
        if before.suspended != after.suspended or before.waiting != after.waiting:
            return True
        if self._filter.tests and before.state_string != after.state_string:
            return True
        return self._sort in {"value", "last run", "next run"}
