"""One scheduled monitor: its regular due times, the closer ones while it is in error, and extra first runs. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

from sitescope_fo.engine.gate import SETTLED_S, Gate
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
    gate: Gate | None = None
    """What its schedule allows; None without one. Between windows, and between moments, it waits for an extra run."""
    done_wall: float = 0.0
    """Of an absolute schedule: up to when moments need no run any more, by the wall clock."""

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
        if self.gate is not None and self.gate.absolute:
            return self._to_moment(self.gate)
        return now + self.error_every_s if self._hurried else self.regular

    def missed(self, now: float) -> int:
        """How many due times after the next one have passed too."""
        since = self.late_since if self.first else self.due
        if since is None or since == math.inf:
            return 0
        passed_s = now + EARLY_S - since if self.gate is None else self.gate.open_s(since, now + EARLY_S)
        return max(0, math.floor(passed_s / self.interval_s))

    def take(self, now: float) -> int:
        """Uses the due time that has come: `due` is the next one. Gives how many were missed on the way."""
        missed = self.missed(now)
        if self.gate is not None and self.gate.absolute:
            self.done_wall = self.gate.wall(now) + SETTLED_S
            self._to_moment(self.gate)
        elif self.first:
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

    def shut(self, now: float) -> bool:
        """Whether its schedule forbids a start now. If so, it waits for the next opening: `due` is that."""
        if self.gate is None or (opening := self.gate.opening(now)) <= now:
            return False
        self.first, self.late_since, self.due = True, None, opening
        return True

    def waits_for_schedule(self, now: float, age_s: float | None) -> bool:
        """A monitor that ran `age_s` ago, if at all, is put in: whether its schedule says when it runs first, in `due`."""
        if self.gate is None or not self.gate.absolute:
            return self.shut(now)
        self.done_wall = self.gate.wall(now) if age_s is None else self.gate.wall(now - age_s) + SETTLED_S
        self._to_moment(self.gate)
        return True

    @property
    def runs_anyway(self) -> bool:
        """Whether it has an extra run to come already, and needs no other in its place."""
        return self.first and (self.gate is None or not self.gate.absolute or self.due == math.inf)

    def stepped(self, now: float) -> bool:
        """The wall clock has stepped; whether `due` is another one. One that waits where its schedule is open now is due."""
        if self.gate is None or self.due == math.inf or not self.first:
            return False
        if self.gate.absolute:
            self.done_wall = self.gate.done_after_step(self.done_wall, now)
            self._to_moment(self.gate)
        else:
            self.due = self.gate.opening(now)
        return True

    def _to_moment(self, gate: Gate) -> float:
        """Its next run is at the next moment of its schedule."""
        self.first, self.late_since, self.due = True, None, gate.moment(self.done_wall)
        return self.due

    def _regular_after(self, after: float) -> float:
        self.regular = next_on(self.regular, self.every_s, after)
        return self.regular


def error_interval_s(monitor: Monitor, gate: Gate | None = None) -> float:
    """The interval of a monitor in error when it is a closer one than its frequency, else 0, as with an absolute schedule.

    In error a monitor never runs less often than it does when it is good: loading warns of a longer `error_frequency`.
    """
    if gate is not None and gate.absolute:
        return 0.0
    return monitor.error_frequency_s if monitor.error_frequency_s < monitor.frequency_s else 0.0
