"""Wall-clock seconds as text, always UTC."""

from __future__ import annotations

from datetime import UTC, datetime


def compact_stamp(wall: float) -> str:
    """`20261122T100000Z`: for file names."""
    return datetime.fromtimestamp(wall, UTC).strftime("%Y%m%dT%H%M%SZ")


def iso_millis(wall: float) -> str:
    """`2026-11-22T10:00:00.123Z`: for log lines; rounded to the millisecond."""
    moment = datetime.fromtimestamp(round(wall * 1000) / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def day_of(wall: float) -> str:
    """The UTC day, `2026-11-22`."""
    return datetime.fromtimestamp(wall, UTC).strftime("%Y-%m-%d")
