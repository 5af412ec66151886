"""One scheduled monitor: its regular due times, the closer ones while it is in error, and extra first runs. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

from sitescope_fo.engine.spread import LEAST_GAP, next_on
from sitescope_fo.model.monitor import Monitor, MonitorKey

EARLY_S = 1e-6
"""What is due within a microsecond is due: a sleep may end an ulp too early."""


@dataclass(slots=True, eq=False)
class Entry:
    """The place of one monitor in the plan. All times are on the boot-time clock."""

    key: MonitorKey
    every_s: float
    error_every_s: float
    """The interval while the monitor is in error; 0 = no difference."""
    host: str
    regular: float
    """One of its regular due times; the others lie whole intervals away."""
    in_error: bool = False
    due: float = math.inf
    first: bool = False
    """The next run is an extra one, beside the regular places. Until then it waits for `due`, or in the ramp."""
    late_since: float | None = None
    """The due time that the extra run makes up for; None when it is no catching up."""

    @property
    def interval_s(self) -> float:
        """How far its due times lie apart now."""
        return self.error_every_s if self._hurried else self.every_s

    @property
    def _hurried(self) -> bool:
        return self.in_error and self.error_every_s > 0

    def goes_on_at(self, due: float) -> None:
        """`due` is its next run: when it goes on in a rhythm it had, that of its regular places too."""
        if not self.first and not self._hurried:
            self.regular = due

    def changed(self, now: float) -> float:
        """The next due time of a monitor whose frequency or host was changed."""
        return now + self.error_every_s if self._hurried else self.regular

    def missed(self, now: float) -> int:
        """How many due times after the next one have passed too."""
        since = self.late_since if self.first else self.due
        if since is None or since == math.inf:
            return 0
        return max(0, math.floor((now + EARLY_S - since) / self.interval_s))

    def take(self, now: float) -> int:
        """Uses the due time that has come: `due` is the next one. Gives how many were missed on the way."""
        missed = self.missed(now)
        if self.first:
            self.first, self.late_since = False, None
            self.due = now + self.error_every_s if self._hurried else self._regular_after(now + LEAST_GAP * self.every_s)
        else:
            self.due += (missed + 1) * self.interval_s
            if not self._hurried:
                self.regular = self.due
        return missed

    def set_back(self, now: float) -> int:
        """Makes the due time that has passed an extra run, to be started from the ramp. Gives how many more were missed."""
        missed = self.missed(now)
        if not self.first:
            self.late_since = self.due + missed * self.interval_s
            self.first = True
        self.due = math.inf
        return missed

    def judged(self, *, in_error: bool, started: float, now: float) -> bool:
        """The run begun at `started` put the monitor in error, or out of it. Whether `due` is another one now.

        In error it runs one error interval after that start, or a whole number of them when the run itself took longer. When it
        is good again it goes back to its regular places, never almost at once.
        """
        if in_error == self.in_error:
            return False
        self.in_error = in_error
        if not self.error_every_s or self.first:
            return False
        if in_error:
            self.due = next_on(started, self.error_every_s, max(started, now))
        else:
            self.due = self._regular_after(max(now, started + LEAST_GAP * self.every_s))
        return True

    def _regular_after(self, after: float) -> float:
        self.regular = next_on(self.regular, self.every_s, after)
        return self.regular


def error_interval_s(monitor: Monitor) -> float:
    """The interval of a monitor in error when it is a closer one than its frequency, else 0.

    In error a monitor never runs less often than it does when it is good: loading warns of a longer `error_frequency`.
    """
    return monitor.error_frequency_s if monitor.error_frequency_s < monitor.frequency_s else 0.0
