"""Calendar schedules: a *range* schedule says when something may happen, an *absolute* one the moments when it happens.

Both follow the wall clock of the node's time zone, as the guide's schedule preferences do.
"""

from __future__ import annotations

from collections.abc import Iterable
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

    def next_close(self, when: datetime) -> datetime | None:
        """The end of the stretch of windows that `when` lies in; None when it lies in none, or when no window ever ends."""
        here, limit = when, when + timedelta(days=8)
        while here < limit and self.open_at(here):
            day, minute = DAYS[here.weekday()], here.hour * 60 + here.minute
            end = max(w.end for w in self.windows if w.day == day and w.start <= minute < w.end)
            here = _at(here, end // MINUTES_A_DAY, end % MINUTES_A_DAY)
        return None if here == when or here >= limit else here

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


def window_texts(windows: Iterable[Window]) -> tuple[str, ...]:
    """Windows as people write them: `mon-fri 08:00-18:00`; two that meet at midnight are one where that can be written."""
    rest, spans = set(windows), []
    for window in sorted(rest, key=lambda w: (DAYS.index(w.day), w.start)):
        if window not in rest:
            continue
        morning = next((w for w in rest if _is_morning_of(w, window)), None)
        rest -= {window} if morning is None else {window, morning}
        spans.append((window.day, window.start, window.end if morning is None else morning.end))
    return _by_days([(day, f"{_clock(start)}-{_clock(end)}") for day, start, end in spans])


def _is_morning_of(morning: Window, evening: Window) -> bool:
    """Whether it goes on with `evening` after midnight, and ends before that begins."""
    tomorrow = DAYS[(DAYS.index(evening.day) + 1) % 7]
    return evening.end == MINUTES_A_DAY and (morning.day, morning.start) == (tomorrow, 0) and morning.end < evening.start


def moment_texts(moments: Iterable[Moment]) -> tuple[str, ...]:
    """Moments as people write them: `mon-fri 06:00`."""
    ordered = sorted(set(moments), key=lambda m: (DAYS.index(m.day), m.minute))
    return _by_days([(moment.day, _clock(moment.minute)) for moment in ordered])


def _by_days(times: Iterable[tuple[Day, str]]) -> tuple[str, ...]:
    """Days in a row with the same times in one text."""
    days: dict[str, list[int]] = {}
    for day, text in times:
        days.setdefault(text, []).append(DAYS.index(day))
    return tuple(f"{stretch} {text}" for text, places in days.items() for stretch in _stretches(places))


def _stretches(places: list[int]) -> list[str]:
    """`[0, 1, 2, 5]` -> `mon-wed`, `sat`."""
    found: list[list[int]] = []
    for place in sorted(set(places)):
        if found and found[-1][-1] == place - 1:
            found[-1].append(place)
        else:
            found.append([place])
    return [DAYS[run[0]] if len(run) == 1 else f"{DAYS[run[0]]}-{DAYS[run[-1]]}" for run in found]


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"
