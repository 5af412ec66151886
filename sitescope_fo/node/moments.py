"""Moments as people write them: ISO, or a duration back from now."""

from __future__ import annotations

from sitescope_fo.model.duration import parse_duration
from sitescope_fo.model.errors import Usage
from sitescope_fo.model.moment import wall_of


def moment_of(text: str, wall: float, *, where: str) -> float:
    """POSIX seconds of `text`, as of `wall`. Raises Usage (`bad_moment`)."""
    word = text.strip()
    if word[:1].isdigit() and word[-1:] in {"s", "m", "h", "d"}:
        return wall - parse_duration(word, where=where)
    found = wall_of(word.upper().replace("Z", "+00:00"))
    if found is None:
        raise Usage(
            f"'{text}' is no moment",
            where=where,
            hint="Write it like 2026-11-22T10:00:00Z, or 6h for six hours ago",
            code="bad_moment",
        )
    return found
