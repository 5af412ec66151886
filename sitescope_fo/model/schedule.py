"""Calendar schedules: a *range* schedule says when something may happen, an *absolute* one the moments when it happens.

Both follow the wall clock of the node's time zone, as the guide's schedule preferences do.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

import msgspec

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MINUTES_A_DAY = 24 * 60


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of one weekday in minutes after local midnight, `start` included, `end` not."""

    day: Day
    start: int
    end: int


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """A minute of one weekday."""

    day: Day
    minute: int


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """A named schedule of one kind."""

    name: str
    kind: Literal["range", "absolute"]
    windows: tuple[Window, ...] = ()
    moments: tuple[Moment, ...] = ()

    def open_at(self, when: datetime) -> bool:
        """Whether the local time `when` lies in a window (always False for an absolute schedule)."""
        day = DAYS[when.weekday()]
        minute = when.hour * 60 + when.minute
        return any(w.day == day and w.start <= minute < w.end for w in self.windows)

    def next_open(self, when: datetime) -> datetime | None:
        """The next local time at or after `when` that lies in a window, at most eight days ahead."""
        if self.open_at(when):
            return when
        starts = [_at(when, offset, w.start) for offset in range(9) for w in self.windows if w.day == _day(when, offset)]
        return min((s for s in starts if s > when), default=None)

    def next_moment(self, after: datetime) -> datetime | None:
        """The first absolute moment later than `after`, at most eight days ahead."""
        times = [_at(after, offset, m.minute) for offset in range(9) for m in self.moments if m.day == _day(after, offset)]
        return min((t for t in times if t > after), default=None)


def _day(when: datetime, offset: int) -> Day:
    return DAYS[(when.weekday() + offset) % 7]


def _at(when: datetime, offset: int, minute: int) -> datetime:
    midnight = when.replace(hour=0, minute=0, second=0, microsecond=0)
    day = midnight + timedelta(days=offset)
    return day.replace(hour=minute // 60 % 24, minute=minute % 60)
