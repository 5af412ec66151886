"""Calendars on the boot-time clock, on which the plan runs, and what a step of the wall clock means for them. Pure."""

from __future__ import annotations

from sitescope_fo.engine.calendar import Calendar
from sitescope_fo.model.ports import Now

STEP_S = 0.5
"""The wall clock may drift from the boot-time clock by so much before due times are worked out anew: windows and moments are
minutes."""
SETTLED_S = 30.0
"""A moment up to so long after a run is done with it."""
SMALL_STEP_S = 3600.0
"""A wall clock that steps back by no more than this does not make moments strike again; beyond it the calendar begins anew."""
EDGE_S = 0.001
"""An opening that is so near has come: what is due at it must not be found closed by a rounding error."""


class Gate:
    """The calendar of some monitors. Its times are on the boot-time clock, but for those called wall."""

    __slots__ = ("_gates", "absolute", "calendar")

    def __init__(self, calendar: Calendar, gates: Gates) -> None:
        self.calendar, self._gates, self.absolute = calendar, gates, calendar.absolute

    def wall(self, at: float) -> float:
        """What the wall clock shows at `at`, as far as it is known now."""
        return at + self._gates.ahead_s

    def opening(self, at: float) -> float:
        """When a run that is due at `at` may be: then, or at the next opening. Moments are never moved."""
        wall = self.wall(at) + EDGE_S
        opens = wall if self.absolute else self.calendar.opening(wall)
        return at if opens <= wall else opens - self._gates.ahead_s

    def shut(self, now: float) -> bool:
        """Whether nothing may start now."""
        return self.opening(now) > now

    def moment(self, after_wall: float) -> float:
        """The first moment later than that; it may lie in the past."""
        return self.calendar.moment(after_wall) - self._gates.ahead_s

    def open_s(self, since: float, until: float) -> float:
        """How many of the seconds between two instants lie in windows."""
        return self.calendar.open_s(self.wall(since), self.wall(until))

    def done_after_step(self, done_wall: float, now: float) -> float:
        """Up to when moments are done, after the wall clock stepped."""
        wall = self.wall(now)
        return wall if done_wall - wall > SMALL_STEP_S else done_wall


class Gates:
    """The gates of a plan, one for each calendar, and how far the wall clock is ahead of the boot-time clock."""

    def __init__(self) -> None:
        self.ahead_s = 0.0
        self._of: dict[Calendar, Gate] = {}

    def of(self, calendar: Calendar | None) -> Gate | None:
        """The gate of a calendar."""
        if calendar is None:
            return None
        gate = self._of.get(calendar)
        if gate is None:
            gate = self._of[calendar] = Gate(calendar, self)
        return gate

    def follow(self, now: Now) -> bool:
        """Takes over what the clocks show; whether the wall clock has stepped, so that gated due times are others now."""
        ahead_s = now.wall - now.mono
        if abs(ahead_s - self.ahead_s) <= STEP_S:
            return False
        self.ahead_s = ahead_s
        return bool(self._of)
