"""Times and durations in the words of people."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

_UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def spell(seconds: float) -> str:
    """`3 min`, `1 h 30 min`, `250 ms`: at most two units, the smaller one rounded."""
    if seconds < 0:
        return f"-{spell(-seconds)}"
    if seconds < 1:
        return f"{round(seconds * 1000)} ms" if seconds else "0 s"
    if seconds < 10 and seconds % 1 >= 0.05:
        return f"{seconds:.1f} s"
    left = round(seconds)
    if left >= 3600:
        left = round(left / 60) * 60
    if left >= 86400:
        left = round(left / 3600) * 3600
    for (size, unit), (small_size, small_unit) in pairwise(_UNITS):
        if left >= size:
            rest = left % size // small_size
            return f"{left // size} {unit}" + (f" {rest} {small_unit}" if rest else "")
    return f"{left} s"


def wall_of(stamp: str | None) -> float | None:
    """POSIX seconds of an ISO stamp, None for what is none."""
    try:
        moment = datetime.fromisoformat(stamp or "")
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def stamp_of(wall: float | None) -> str:
    """The ISO stamp of POSIX seconds, "" for None."""
    return datetime.fromtimestamp(wall, UTC).isoformat() if wall else ""


def ago(stamp: str | None, now: float) -> str:
    """`12 s ago`, `in 2 min`, `never` without a stamp."""
    wall = wall_of(stamp)
    if wall is None:
        return "never"
    gap = now - wall
    if abs(gap) < 1:
        return "now"
    return f"{spell(gap)} ago" if gap > 0 else f"in {spell(-gap)}"


def clock_time(stamp: str | None, now: float) -> str:
    """`10:00:02` for a moment of the last 20 hours, with its date before that; UTC as in the logs. "-" without a stamp."""
    wall = wall_of(stamp)
    if wall is None:
        return "-"
    moment = datetime.fromtimestamp(wall, UTC)
    return moment.strftime("%H:%M:%S" if abs(now - wall) < 20 * 3600 else "%Y-%m-%d %H:%M:%S")


def size_text(count: float) -> str:
    """`12 GiB`, `1.5 MiB`, `310 B`."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" or count >= 10 else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"
