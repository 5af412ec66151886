"""Local time as a calendar sees it: minutes of the week, and the jumps of the clock in spring and autumn. Pure.

Works with aware times of any zone; between two jumps, which are never less than a week apart, its offset stays the same.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

MINUTES_A_DAY = 24 * 60
MINUTES_A_WEEK = 7 * MINUTES_A_DAY


def minute_of_week(when: datetime) -> int:
    """Whole minutes since local midnight of Monday, by the clock on the wall."""
    return when.weekday() * MINUTES_A_DAY + when.hour * 60 + when.minute


def minutes_until(minute: int, when: datetime) -> int:
    """How many minutes after the minute of `when` the clock shows `minute` of the week next, without a jump: 1 to a week."""
    return (minute - minute_of_week(when) - 1) % MINUTES_A_WEEK + 1


def later(when: datetime, minutes: int) -> datetime:
    """The instant so many minutes after the beginning of the minute of `when`, in its zone."""
    began = when.astimezone(UTC) - timedelta(seconds=when.second, microseconds=when.microsecond)
    return (began + timedelta(minutes=minutes)).astimezone(when.tzinfo)


def jump_between(when: datetime, until: datetime) -> datetime | None:
    """The instant after `when`, at most `until`, at which the clock jumps; None when it does not."""
    zone, offset = when.tzinfo, when.utcoffset()
    if until.utcoffset() == offset:
        return None
    before, after = math.floor(when.timestamp()), math.ceil(until.timestamp())
    while after - before > 1:
        middle = (before + after) // 2
        if datetime.fromtimestamp(middle, zone).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return datetime.fromtimestamp(after, zone)


def skipped_at(jump: datetime, when: datetime) -> tuple[int, int]:
    """What the clock would show at `jump` if it went on as at `when` (minute of the week), and how many minutes it skips there.

    0 minutes when it goes back.
    """
    offset, old = jump.utcoffset(), when.utcoffset()
    gained = (offset - old) // timedelta(minutes=1) if offset is not None and old is not None else 0
    return (minute_of_week(jump) - gained) % MINUTES_A_WEEK, max(0, gained)
