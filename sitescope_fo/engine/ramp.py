"""The first starts after an activation: shortest frequency first, profiles in turn, so many a second on the whole node."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable

from sitescope_fo.model.monitor import MonitorKey

Place = tuple[float, float, MonitorKey]
"""(frequency in seconds, place among those of one frequency, monitor)"""

CATCH_UP_S = 0.05
"""How much a busy loop may make up for at once."""
EARLY_S = 1e-6


class Ramp:
    """Hands out monitors, evenly spaced, never more than `per_s` in any second."""

    def __init__(self, per_s: float) -> None:
        self._last: deque[float] = deque()
        self._next_at = -math.inf
        self._queues: dict[str, deque[MonitorKey]] = {}
        self.pace(per_s)

    def pace(self, per_s: float) -> None:
        """Sets another rate."""
        self._gap_s = 1.0 / per_s
        self._last = deque(self._last, maxlen=max(1, math.floor(per_s)))

    def __len__(self) -> int:
        return sum(len(queue) for queue in self._queues.values())

    def add(self, profile: str, places: Iterable[Place]) -> None:
        """Appends a profile's monitors, sorted by frequency."""
        ordered = [key for _, _, key in sorted(places)]
        if ordered:
            self._queues.setdefault(profile, deque()).extend(ordered)

    def remove(self, profile: str) -> None:
        """Forgets a profile."""
        self._queues.pop(profile, None)

    def next_at(self) -> float:
        """When `take` gives the next one; inf when nothing waits."""
        if not self._queues:
            return math.inf
        full = self._last[0] + 1.0 if len(self._last) == self._last.maxlen else -math.inf
        return max(self._next_at, full)

    def take(self, now: float, wanted: Callable[[MonitorKey], bool]) -> MonitorKey | None:
        """The next monitor that is still `wanted`, None when none is left or it is too early."""
        if self.next_at() > now + EARLY_S:
            return None
        while self._queues:
            profile, queue = next(iter(self._queues.items()))
            key = queue.popleft()
            del self._queues[profile]
            if queue:
                self._queues[profile] = queue
            if wanted(key):
                self._next_at = max(self._next_at, now - CATCH_UP_S) + self._gap_s
                self._last.append(now)
                return key
        return None
