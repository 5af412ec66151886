"""What the schedule of a monitor says of an instant. Pure: the wall clock in and out, POSIX seconds; `inf` is never.

A range schedule is open inside its windows. An absolute one is never open: it has moments.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from sitescope_fo.model.schedule import DAYS, Schedule

Local = Callable[[float], datetime]
"""POSIX seconds -> aware time in the node's zone (`Clock.local`)."""
STRETCHES_KEPT = 100
WEEK_S = 7 * 86400.0


class Stretch(NamedTuple):
    """Closed from `since` to `opens`, then open to `closes`; of an absolute schedule both are the next moment."""

    since: float
    opens: float
    closes: float


class Calendar:
    """One schedule, unrolled as far as anybody has asked: looking into a stretch that is known costs a microsecond."""

    __slots__ = ("_local", "_stretches", "absolute", "schedule")

    def __init__(self, schedule: Schedule, local: Local) -> None:
        self.schedule = schedule
        self.absolute = schedule.kind == "absolute"
        self._local = local
        self._stretches: list[Stretch] = []

    def opening(self, wall: float) -> float:
        """When it is open next: `wall` itself inside a window."""
        return math.inf if self.absolute else max(wall, self._at(wall).opens)

    def shut(self, wall: float) -> bool:
        """Whether `wall` lies outside its windows; an absolute schedule has no outside."""
        return not self.absolute and self.opening(wall) > wall

    def moment(self, after: float) -> float:
        """The first moment later than `after`."""
        return self._at(after).closes if self.absolute else math.inf

    def due_from(self, wall: float) -> float:
        """From when on, at or after `wall`, a run is due."""
        return self.moment(wall) if self.absolute else self.opening(wall)

    def turn(self, wall: float) -> float:
        """When what it says is next another thing: it opens, closes or strikes."""
        stretch = self._at(wall)
        return stretch.opens if wall < stretch.opens else stretch.closes

    def open_s(self, since: float, until: float) -> float:
        """How many of the seconds between two instants lie in windows."""
        found = 0.0
        while not self.absolute and since < until:
            stretch = self._at(since)
            found += max(0.0, min(until, stretch.closes) - max(since, stretch.opens))
            since = stretch.closes
        return found

    def outside(self, wall: float) -> str:
        """`outside its schedule 'business hours' until 08:00`, in local time and with the day when it is another one."""
        until = self.due_from(wall)
        said = f" until {self._spoken(until, wall)}" if until < math.inf else ""
        return f"outside its schedule '{self.schedule.name}'{said}"

    def _spoken(self, moment: float, wall: float) -> str:
        then, now = self._local(moment), self._local(wall)
        if then.date() == now.date():
            return f"{then:%H:%M}"
        return f"{DAYS[then.weekday()].title()} {then:%H:%M}" if moment - wall < WEEK_S - 86400 else f"{then:%Y-%m-%d %H:%M}"

    def _at(self, wall: float) -> Stretch:
        """The stretch that `wall` lies in."""
        known = self._stretches
        if not known or not known[0].since <= wall < known[-1].closes + WEEK_S:
            known[:] = [self._look(wall)]
        while wall >= known[-1].closes:
            known.append(self._look(known[-1].closes))
            del known[:-STRETCHES_KEPT]
        return known[bisect_right(known, (wall, math.inf, math.inf)) - 1]

    def _look(self, wall: float) -> Stretch:
        here = self._local(wall)
        if self.absolute:
            strikes = _stamp(self.schedule.next_moment(here))
            return Stretch(wall, strikes, strikes)
        opens = self.schedule.next_open(here)
        closes = self.schedule.next_close(opens) if opens is not None else None
        return Stretch(wall, wall if opens is here else _stamp(opens), _stamp(closes))


def _stamp(when: datetime | None) -> float:
    return math.inf if when is None else when.timestamp()


class Calendars:
    """The calendars of a node: schedules that are equal share one."""

    def __init__(self, local: Local) -> None:
        self._local = local
        self._of: dict[Schedule, Calendar] = {}

    def of(self, schedule: Schedule | None) -> Calendar | None:
        """The calendar of a schedule."""
        if schedule is None:
            return None
        found = self._of.get(schedule)
        if found is None:
            found = self._of[schedule] = Calendar(schedule, self._local)
        return found
