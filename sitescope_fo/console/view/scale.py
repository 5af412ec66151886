"""Scales of a plot: round figures up its side, round moments along its foot."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import msgspec

from sitescope_fo.model.moment import spell

_STEPS_S = (60, 300, 600, 900, 1800, 3600, 2 * 3600, 3 * 3600, 6 * 3600, 12 * 3600, 86_400, 2 * 86_400, 7 * 86_400)


class Scale(msgspec.Struct, frozen=True):
    """From `low` to `high`, both round figures of `step`."""

    low: float
    high: float
    step: float

    def share(self, value: float) -> float:
        """0 at the foot, 1 at the top."""
        return (value - self.low) / (self.high - self.low)


def scale_of(low: float, high: float, parts: int) -> Scale:
    """A scale of some `parts` round steps (1, 2 or 5 times a power of ten) that holds both. Starts at 0 when that is near."""
    if low > 0 and low < high * 0.6:
        low = 0.0
    if high <= low:
        high, low = (high + abs(high) * 0.1 or 1.0), low - abs(low) * 0.1
    rough = (high - low) / max(1, parts)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)
    return Scale(math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step, step)


def figure(value: float, unit: str, step: float = 0.0) -> str:
    """A value as it is written beside a plot: `250 ms`, `1.5 GiB`, `40 %`."""
    match unit:
        case "s":
            return "0 s" if not value else spell(value) if abs(value) >= 60 else _seconds(value)
        case "bytes":
            return _bytes(value)
        case "%":
            return f"{_plain(value, step)} %"
        case "days":
            return f"{_plain(value, step)} d"
    return _plain(value, step)


def _seconds(value: float) -> str:
    return f"{value * 1000:.3g} ms" if abs(value) < 1 else f"{value:.3g} s"


def _bytes(value: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(value) < 1024:
            return f"{value:.3g} {unit}"
        value /= 1024
    return f"{value:.3g} TiB"


def _plain(value: float, step: float) -> str:
    if step and step < 1:
        return f"{value:.{max(0, -math.floor(math.log10(step)))}f}"
    if abs(value) >= 1e6:
        return f"{value:.3g}"
    return f"{value:g}" if abs(value) < 10_000 else f"{value:.0f}"


def ticks(since: float, until: float, most: int, *, local: bool) -> list[tuple[float, str]]:
    """At most `most` round moments of a stretch of time (POSIX seconds) with their labels: `10:00`, at midnight `22 Nov`."""
    span = until - since
    step = next((step for step in _STEPS_S if span / step <= most), _STEPS_S[-1])
    offset = datetime.fromtimestamp(until).astimezone().utcoffset() if local else None
    shift = offset.total_seconds() if offset is not None else 0.0
    found = []
    moment = math.ceil((since + shift) / step) * step
    while moment - shift <= until:
        shown = datetime.fromtimestamp(moment, UTC)
        midnight = not moment % 86_400
        found.append((moment - shift, shown.strftime("%d %b" if midnight and span > 43_200 else "%H:%M")))
        moment += step
    return found
