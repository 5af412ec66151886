"""Units of measured values: what may follow a number in a threshold, and how a value is shown to people.

Base units are those of `model.monitor.Value`: seconds, percent, bytes, days. KB is 1000 bytes and KiB 1024 (IEC 80000-13).
"""

from __future__ import annotations

from sitescope_fo.model.duration import format_duration
from sitescope_fo.model.monitor import Value
from sitescope_fo.model.monitor_type import Unit

SUFFIXES: dict[str, tuple[Unit, float]] = {
    "ms": ("s", 0.001),
    "s": ("s", 1.0),
    "m": ("s", 60.0),
    "h": ("s", 3600.0),
    "d": ("s", 86400.0),
    "day": ("days", 1.0),
    "days": ("days", 1.0),
    "%": ("%", 1.0),
    "B": ("bytes", 1.0),
    "KB": ("bytes", 1000.0),
    "MB": ("bytes", 1000.0**2),
    "GB": ("bytes", 1000.0**3),
    "TB": ("bytes", 1000.0**4),
    "KiB": ("bytes", 1024.0),
    "MiB": ("bytes", 1024.0**2),
    "GiB": ("bytes", 1024.0**3),
    "TiB": ("bytes", 1024.0**4),
}
UNIT_WORDS: dict[Unit, str] = {
    "": "a plain number",
    "s": "a time",
    "%": "a percentage",
    "bytes": "a size",
    "days": "a number of days",
    "count": "a count",
}
LONGEST_SHOWN = 60
_DAY_S = 86400.0


def conversion(given: Unit, wanted: Unit) -> float | None:
    """The factor from a literal's unit to a value's unit, None when they do not fit.

    A plain number fits every unit and counts in the base unit. Times and days convert into each other.
    """
    if given in {"", wanted}:
        return 1.0
    return {("s", "days"): 1 / _DAY_S, ("days", "s"): _DAY_S}.get((given, wanted))


def show(value: Value, unit: Unit = "") -> str:
    """The value as people read it: `2.4s`, `12.5%`, `3.2GB`, `'no'`, `true`; long text is cut."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        text = " ".join(value.split())
        return f"'{text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 1] + '…'}'"
    if unit == "s":
        return _show_seconds(value)
    if unit == "bytes":
        return _show_bytes(value)
    if unit == "%":
        return f"{_short(value)}%"
    if unit == "days":
        return f"{_short(value)} days"
    return _short(value)


def _short(value: float) -> str:
    if isinstance(value, int) or float(value).is_integer():
        return f"{value:.0f}" if abs(value) < 1e15 else f"{value:g}"
    return f"{value:.4g}"


def _show_seconds(value: float) -> str:
    if abs(value) < 1:
        return f"{_short(round(value * 1000, 2))}ms"
    if value < 120:
        return f"{_short(round(value, 2))}s"
    return format_duration(round(value)) if value < 1e12 else f"{value:g}s"


def _show_bytes(value: float) -> str:
    for suffix in ("TB", "GB", "MB", "KB"):
        size = SUFFIXES[suffix][1]
        if abs(value) >= size:
            return f"{_short(round(value / size, 2))}{suffix}"
    return f"{_short(value)}B"
