"""Durations as people write them (`500ms 15s 3m 4h 1d`, combinations such as `1h30m`), seconds as floats inside."""

from __future__ import annotations

import re

from sitescope_fo.model.errors import Usage

_UNIT_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_WHOLE = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+")
LONGEST_S = 3660 * 86400.0


def parse_duration(text: str, *, where: str = "") -> float:
    """Seconds for `text`.

    Raises Usage (`bad_duration`) when it is not a duration, not positive, or over ten years.
    """
    word = text.strip()
    if not _WHOLE.fullmatch(word):
        raise Usage(
            f"'{text}' is not a duration",
            where=where,
            hint="Write it like 500ms, 15s, 3m, 4h, 1d or 1h30m",
            code="bad_duration",
        )
    seconds = sum(float(number) * _UNIT_S[unit] for number, unit in _PART.findall(word))
    if not 0 < seconds <= LONGEST_S:
        raise Usage(
            f"'{text}' is out of range",
            where=where,
            hint="A duration is more than 0 and at most 3660d",
            code="bad_duration",
        )
    return seconds


def format_duration(seconds: float) -> str:
    """The shortest form that parses back to the same milliseconds: `format_duration(5400) == "1h30m"`."""
    millis = round(seconds * 1000)
    if millis <= 0:
        return "0s"
    parts = []
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        count, millis = divmod(millis, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts)
