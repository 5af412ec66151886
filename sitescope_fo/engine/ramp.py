"""Extra starts, after an activation or a pause: shortest frequency first, profiles in turn, so many a second on the node."""

from __future__ import annotations

import heapq
import math
from collections import deque
from collections.abc import Callable, Iterable
from typing import NamedTuple

from sitescope_fo.model.monitor import MonitorKey

Place = tuple[float, float, MonitorKey]
"""(frequency in seconds, place among those of one frequency, monitor)"""

CATCH_UP_S = 0.05
"""How much a busy loop may make up for at once."""
EARLY_S = 1e-6


class Pause(NamedTuple):
    """Nobody looked at the plan for `gap_s`: so many monitors fell due, and so many runs more will not be made."""

    gap_s: float
    monitors: int
    runs: int


class Ramp:
    """Hands out monitors, evenly spaced, never more than `per_s` in any second."""

    def __init__(self, per_s: float) -> None:
        self._last: deque[float] = deque()
        self._next_at = -math.inf
        self._queues: dict[str, list[Place]] = {}
        self._held = False
        self.pace(per_s)

    def pace(self, per_s: float) -> None:
        """Sets another rate."""
        self._gap_s = 1.0 / per_s
        self._last = deque(self._last, maxlen=max(1, math.floor(per_s)))

    def __len__(self) -> int:
        return sum(len(queue) for queue in self._queues.values())

    def add(self, profile: str, places: Iterable[Place]) -> None:
        """Puts monitors of a profile in, each in its place by frequency."""
        queue = [*self._queues.get(profile, ()), *places]
        if queue:
            heapq.heapify(queue)
            self._queues[profile] = queue
            self._held = False

    def put(self, profile: str, place: Place) -> None:
        """Puts one monitor in."""
        heapq.heappush(self._queues.setdefault(profile, []), place)
        self._held = False

    def remove(self, profile: str) -> None:
        """Forgets a profile."""
        self._queues.pop(profile, None)

    def next_at(self) -> float:
        """When `take` gives the next one; inf when nothing waits, or nothing that may start."""
        if self._held or not self._queues:
            return math.inf
        return self._earliest()

    def _earliest(self) -> float:
        full = self._last[0] + 1.0 if len(self._last) == self._last.maxlen else -math.inf
        return max(self._next_at, full)

    def take(self, now: float, wanted: Callable[[MonitorKey], bool], may_start: Callable[[str], bool]) -> MonitorKey | None:
        """The next monitor that is still `wanted`, None when none is left or it is too early.

        The monitors of a profile that may not start now keep their places.
        """
        if self._earliest() > now + EARLY_S:
            return None
        self._held = False
        while self._queues:
            profile = next((name for name in self._queues if may_start(name)), None)
            if profile is None:
                self._held = True
                return None
            queue = self._queues.pop(profile)
            _, _, key = heapq.heappop(queue)
            if queue:
                self._queues[profile] = queue
            if wanted(key):
                self._next_at = max(self._next_at, now - CATCH_UP_S) + self._gap_s
                self._last.append(now)
                return key
        return None
