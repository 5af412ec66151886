"""This machine's clocks."""

from __future__ import annotations

import time
from datetime import UTC, datetime

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
        return datetime.fromtimestamp(wall, UTC).astimezone()
