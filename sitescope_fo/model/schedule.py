"""Calendar schedules: a *range* schedule says when something may happen, an *absolute* one the moments when it happens.

Both follow the wall clock of the node's time zone, as the guide's schedule preferences do.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Literal

import msgspec

from sitescope_fo.model.local_time import (
    MINUTES_A_DAY,
    MINUTES_A_WEEK,
    jump_between,
    later,
    minute_of_week,
    minutes_until,
    skipped_at,
)

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


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
        return self._covers(minute_of_week(when))

    def next_open(self, when: datetime) -> datetime | None:
        """The first instant at or after `when` that lies in a window; None when there is none."""
        return when if self.open_at(when) else self._next_turn(when)

    def next_close(self, when: datetime) -> datetime | None:
        """The end of the stretch of windows that `when` lies in; None when it lies in none, or when no window ever ends."""
        return self._next_turn(when) if self.open_at(when) else None

    def next_moment(self, after: datetime) -> datetime | None:
        """The first moment later than `after`; None without moments.

        One that the clock skips in spring strikes as it jumps; one that comes twice in autumn strikes the first time.
        """
        strikes = {_minute(moment.day, moment.minute) for moment in self.moments}
        here = after
        while strikes:
            following = later(here, min(minutes_until(strike, here) for strike in strikes))
            jump = jump_between(here, following)
            if jump is None and not following.fold:
                return following
            if jump is not None:
                first, skipped = skipped_at(jump, here)
                if skipped and any((strike - first) % MINUTES_A_WEEK <= skipped for strike in strikes):
                    return jump
            here = jump or following
        return None

    def _next_turn(self, when: datetime) -> datetime | None:
        """The first instant after `when` at which it opens or closes; None when it never does."""
        is_open, here = self.open_at(when), when
        turns = sorted(
            {_minute(window.day, edge) % MINUTES_A_WEEK for window in self.windows for edge in (window.start, window.end)}
        )
        turns = [turn for turn in turns if self._covers(turn) is not is_open]
        while turns:
            following = later(here, min(minutes_until(turn, here) for turn in turns))
            here = jump_between(here, following) or following
            if self.open_at(here) is not is_open:
                return here
        return None

    def _covers(self, minute: int) -> bool:
        """Whether a minute of the week lies in a window."""
        day, of_day = DAYS[minute // MINUTES_A_DAY], minute % MINUTES_A_DAY
        return any(w.day == day and w.start <= of_day < w.end for w in self.windows)


def _minute(day: Day, minute: int) -> int:
    return DAYS.index(day) * MINUTES_A_DAY + minute


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
