"""Values and moments as the console writes them: short, and rarely changing, because each change is bytes to the terminal."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from sitescope_fo.model.moment import spell, wall_of
from sitescope_fo.model.state_word import Tone, state_word
from sitescope_fo.model.width import clean


class Cell(msgspec.Struct, frozen=True):
    """One piece of text with the tone that becomes its colour."""

    text: str
    tone: Tone = ""


class Wording(msgspec.Struct, frozen=True, kw_only=True):
    """How everything is written on this terminal."""

    plain: bool = False
    """ASCII only."""
    local: bool = False
    """Local time instead of UTC."""

    def state(self, state: str) -> Cell:
        """Glyph and word of a state."""
        shown = state_word(state)
        return Cell(f"{shown.plain if self.plain else shown.glyph} {state.replace('_', ' ')}", shown.tone)

    def glyph(self, state: str) -> str:
        """The glyph alone."""
        shown = state_word(state)
        return shown.plain if self.plain else shown.glyph

    def clock(self, wall: float) -> str:
        """`10:00:02Z`, or local time with its zone."""
        if self.local:
            return datetime.fromtimestamp(wall).astimezone().strftime("%H:%M:%S %Z")
        return datetime.fromtimestamp(wall, UTC).strftime("%H:%M:%SZ")

    def moment(self, stamp: str | None, now: float) -> str:
        """A moment: its time when it is of the last 20 hours, with its date before that, "-" for none."""
        wall = wall_of(stamp)
        if wall is None:
            return "-"
        zone = None if self.local else UTC
        shown = datetime.fromtimestamp(wall, zone) if zone else datetime.fromtimestamp(wall).astimezone()
        return shown.strftime("%H:%M:%S" if abs(now - wall) < 20 * 3600 else "%Y-%m-%d %H:%M")


def age(stamp: str | None, now: float) -> str:
    """How long ago, in steps that do not repaint the screen each second: `now`, `5s`, `40s`, `3m`, `2h`, `4d`; "-" for never."""
    wall = wall_of(stamp)
    if wall is None:
        return "-"
    gap = now - wall
    if gap < 0:
        return f"in {steps(-gap)}"
    return steps(gap) if gap >= 5 else "now"


def steps(seconds: float) -> str:
    """A duration in coarse steps."""
    if seconds < 60:
        return f"{int(seconds // 5 * 5)}s"
    for size, unit in ((86400, "d"), (3600, "h")):
        if seconds >= 2 * size:
            return f"{int(seconds // size)}{unit}"
    return f"{int(seconds // 60)}m"


def countdown(stamp: str | None, now: float) -> str:
    """`in 2 min 5 s` until a moment; "" without one, `due` when it has come."""
    wall = wall_of(stamp)
    if wall is None:
        return ""
    return f"in {spell(max(1.0, round(wall - now)))}" if wall > now else "due"


def value_text(value: Any) -> str:  # noqa: ANN401  # a value of any monitor
    """A monitor's value: numbers with four figures, text on one line."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 10_000 else f"{value:.0f}"
    return clean(str(value))
