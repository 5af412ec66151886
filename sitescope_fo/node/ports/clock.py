"""This machine's clocks."""

from __future__ import annotations

import calendar
import time
from datetime import datetime, timedelta, tzinfo

from sitescope_fo.model.ports import Now


class SystemClock:
    """CLOCK_BOOTTIME for decisions (it counts suspends, and no one can set it), the system's wall clock for records."""

    def mono(self) -> float:
        """Seconds since boot, suspends included."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    def wall(self) -> float:
        """POSIX seconds."""
        return time.time()

    def now(self) -> Now:
        """Both."""
        return Now(self.mono(), self.wall())

    def local(self, wall: float) -> datetime:
        """Aware, in the system's zone."""
        return datetime.fromtimestamp(wall, _SYSTEM)


class _SystemZone(tzinfo):
    """The zone of the system with its jumps: what `astimezone()` gives knows only the offset of one instant."""

    def fromutc(self, dt: datetime) -> datetime:
        second = calendar.timegm(dt.timetuple())
        local = datetime.fromtimestamp(second)  # noqa: DTZ006  # the only way to the system's zone that sets `fold`
        return local.replace(microsecond=dt.microsecond, tzinfo=self)

    def utcoffset(self, dt: datetime | None) -> timedelta | None:
        return None if dt is None else timedelta(seconds=self._at(dt).tm_gmtoff)

    def tzname(self, dt: datetime | None) -> str | None:
        return None if dt is None else self._at(dt).tm_zone

    def dst(self, dt: datetime | None) -> timedelta | None:  # the system does not say how much of it is
        return None

    @staticmethod
    def _at(dt: datetime) -> time.struct_time:
        return time.localtime(dt.replace(tzinfo=None).timestamp())


_SYSTEM = _SystemZone()
