"""Which monitor starts when. Pure: no clock, no tasks; `now` is the boot-time clock.

Every scheduled monitor has exactly one place in a heap (its next due time), so that ten thousand cost no more per start than ten.
A monitor that is due passes `ready`, then, when its host has no room, the host's own queue; from there it starts.

- No drift: the next due time is the last one plus the frequency, whatever the run took.
- An interval in which the last run was still going or waiting for room, or in which nobody asked, is a skip: it is counted and
  not made up for.
- After an activation the monitors pass a ramp first: shortest frequency first, profiles in turn, `ramp_per_s` a second on the
  whole node. Each then goes on in its regular place.
"""

from __future__ import annotations

import heapq
import math
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from sitescope_fo.engine.ramp import Ramp
from sitescope_fo.engine.spread import first_wait, goes_on, next_slot, place, slot_after_first, target_host
from sitescope_fo.model.monitor import Monitor, MonitorKey

NOOP = MonitorKey("\x1f", "noop")
"""The built-in monitor that does nothing, every second, through the same queue. It belongs to no tree."""
NOOP_EVERY_S = 1.0
SOON_S = 5.0
"""A monitor that is added to a running tree runs for the first time within this time (or within its frequency)."""
START_S = 60.0
"""When a tree starts, each monitor runs for the first time within this time (or within its frequency)."""
NO_AGES: Mapping[MonitorKey, float] = MappingProxyType({})
EARLY_S = 1e-6
"""What is due within a microsecond is due: a sleep may end an ulp too early."""


@dataclass(slots=True)
class _Entry:
    """One scheduled monitor. The only mutable thing here is its place in the plan."""

    key: MonitorKey
    every_s: float
    host: str
    due: float = math.inf
    first: bool = False
    """The next run is an extra first one, beside the regular places."""


class Plan:
    """The schedule of all monitors of a node, and how many may run."""

    def __init__(
        self,
        *,
        max_checks: int = 100,
        max_per_host: int = 10,
        ramp_per_s: float = 500.0,
        host_of: Callable[[Monitor], str] = target_host,
    ) -> None:
        self.max_checks, self.max_per_host = max_checks, max_per_host
        self._host_of = host_of
        self._ramp = Ramp(ramp_per_s)
        self._entries: dict[MonitorKey, _Entry] = {}
        self._profiles: dict[str, dict[MonitorKey, _Entry]] = {}
        self._heap: list[tuple[float, int, _Entry]] = []
        self._seq = 0
        self._ready: deque[_Entry] = deque()
        self._at_host: dict[str, deque[_Entry]] = {}
        self._queued: set[MonitorKey] = set()
        self._running: dict[MonitorKey, str] = {}
        self._per_host: Counter[str] = Counter()
        self._manual: set[MonitorKey] = set()
        self._overruns: Counter[MonitorKey] = Counter()
        self._full = False
        self.on_change: Callable[[], None] = lambda: None
        """Called after every change of what there is to run; the runner sets it."""
        self.skipped = 0
        """Runs that were not made because the last one had not ended or nobody asked in time."""
        self._add(_Entry(NOOP, NOOP_EVERY_S, ""), 0.0)

    def limit(self, *, max_checks: int, max_per_host: int, ramp_per_s: float) -> None:
        """Sets other limits; what runs already goes on."""
        self.max_checks, self.max_per_host = max_checks, max_per_host
        self._ramp.pace(ramp_per_s)
        self.on_change()

    # --- what there is to run ---------------------------------------------------------------------------------------

    def set_monitors(
        self,
        profile: str,
        monitors: Iterable[Monitor],
        now: float,
        *,
        ramp: bool = False,
        ages: Mapping[MonitorKey, float] = NO_AGES,
    ) -> None:
        """Makes `monitors` (the enabled ones) the schedule of a profile.

        A monitor whose frequency and host stay keeps its place. One that ran lately, perhaps on the other node (`ages`, seconds
        since), goes on in that rhythm. Any other runs a first time before it takes its regular place: within seconds in a tree
        that runs already, within a minute when the tree starts, with `ramp` in the order of the ramp.
        """
        wanted = {MonitorKey(profile, m.id): m for m in monitors if m.enabled}
        known = self._profiles.get(profile)
        have = self._profiles.setdefault(profile, {})
        for gone in [key for key in have if key not in wanted]:
            self._drop(have.pop(gone))
        fresh: list[_Entry] = []
        for key, monitor in wanted.items():
            entry, every_s, host = have.get(key), monitor.frequency_s, self._host_of(monitor)
            if entry is not None and (entry.every_s, entry.host) == (every_s, host):
                continue
            if entry is not None:
                self._drop(entry)
            new = _Entry(key, every_s, host)
            have[key] = self._entries[key] = new
            if entry is not None:
                self._push(new, next_slot(key, every_s, now))
            else:
                fresh.append(new)
        for entry in fresh:
            age_s = ages.get(entry.key)
            entry.first = ramp or not goes_on(entry.every_s, age_s)
            if not ramp:
                within_s = SOON_S if known is not None else START_S
                self._push(entry, now + first_wait(entry.key, entry.every_s, age_s, within_s))
        if ramp:
            self._ramp.add(profile, [(entry.every_s, place(entry.key), entry.key) for entry in fresh])
        self._tidy()
        self.on_change()

    def remove(self, profile: str) -> None:
        """Starts no more of a profile. What runs goes on until `finished`."""
        for entry in self._profiles.pop(profile, {}).values():
            self._drop(entry)
        self._ramp.remove(profile)
        self._tidy()

    def run_now(self, key: MonitorKey) -> bool:
        """Puts a scheduled monitor first in the queue, beside its regular places. False when it is not scheduled or running."""
        entry = self._entries.get(key)
        if entry is None or key in self._running:
            return False
        self._manual.add(key)
        if key not in self._queued:
            self._queued.add(key)
            self._ready.appendleft(entry)
        self.on_change()
        return True

    # --- running it -------------------------------------------------------------------------------------------------

    def pop_due(self, now: float, in_flight: int) -> list[MonitorKey]:
        """The monitors to start now, in order; each is running until `finished`. `in_flight`: checks that run on the node."""
        room = self.max_checks - in_flight
        self._collect_due(now)
        started: list[MonitorKey] = []
        while room > len(started):
            entry = self._ready.popleft() if self._ready else self._ramped(now)
            if entry is None:
                break
            if not self._in_force(entry):
                self._admit(entry.host)
                continue
            if entry.host and self._per_host[entry.host] >= self.max_per_host:
                self._at_host.setdefault(entry.host, deque()).append(entry)
                continue
            self._queued.discard(entry.key)
            self._running[entry.key] = entry.host
            self._per_host[entry.host] += 1
            started.append(entry.key)
        self._full = room <= len(started)
        return started

    def finished(self, key: MonitorKey, now: float) -> None:
        """A started monitor has ended (or was not started after all): its place is free."""
        host = self._running.pop(key, None)
        if host is None:
            return
        self._per_host[host] -= 1
        if not self._per_host[host]:
            del self._per_host[host]
        self._admit(host)

    def next_due(self) -> float:
        """When `pop_due` can have something new, without anything having `finished`; inf when never."""
        while self._heap and self._stale(self._heap[0]):
            heapq.heappop(self._heap)
        timed = self._heap[0][0] if self._heap else math.inf
        return timed if self._full else min(timed, self._ramp.next_at())

    def take_overruns(self) -> dict[MonitorKey, int]:
        """The monitors that were skipped since the last call, and how many runs of each."""
        taken, self._overruns = self._overruns, Counter()
        return dict(taken)

    def manual(self, key: MonitorKey) -> bool:
        """Whether this start was asked for by `run_now`; forgets it."""
        asked = key in self._manual
        self._manual.discard(key)
        return asked

    # --- what people ask --------------------------------------------------------------------------------------------

    def next_run(self, key: MonitorKey) -> float | None:
        """When the monitor runs next, on the boot-time clock; None when it is not scheduled or still in the ramp."""
        entry = self._entries.get(key)
        return None if entry is None or entry.due == math.inf else entry.due

    def scheduled(self, profile: str) -> int:
        """How many monitors of a profile are scheduled."""
        return len(self._profiles.get(profile, ()))

    @property
    def overdue(self) -> int:
        """Monitors that are due and wait for room."""
        return len(self._queued)

    @property
    def ramping(self) -> int:
        """Monitors that wait for their first run after an activation."""
        return len(self._ramp)

    # --- inside -----------------------------------------------------------------------------------------------------

    def _add(self, entry: _Entry, due: float) -> None:
        self._entries[entry.key] = entry
        self._push(entry, due)

    def _push(self, entry: _Entry, due: float) -> None:
        entry.due = due
        self._seq += 1
        heapq.heappush(self._heap, (due, self._seq, entry))

    def _drop(self, entry: _Entry) -> None:
        """The heap and the queues notice by themselves that an entry is no longer the one in force."""
        self._entries.pop(entry.key, None)
        self._queued.discard(entry.key)
        self._manual.discard(entry.key)

    def _in_force(self, entry: _Entry) -> bool:
        return self._entries.get(entry.key) is entry and entry.key in self._queued

    def _admit(self, host: str) -> None:
        """Lets the next monitor that waits for a host try again."""
        waiting = self._at_host.get(host)
        while waiting:
            entry = waiting.popleft()
            if self._in_force(entry):
                self._ready.appendleft(entry)
                return
        self._at_host.pop(host, None)

    def _tidy(self) -> None:
        """Drops heap items that no longer count once they outnumber the others."""
        if len(self._heap) > 2 * len(self._entries) + 1000:
            self._heap = [item for item in self._heap if not self._stale(item)]
            heapq.heapify(self._heap)

    def _stale(self, item: tuple[float, int, _Entry]) -> bool:
        due, _, entry = item
        return self._entries.get(entry.key) is not entry or entry.due != due

    def _collect_due(self, now: float) -> None:
        while self._heap and self._heap[0][0] <= now + EARLY_S:
            item = heapq.heappop(self._heap)
            if self._stale(item):
                continue
            entry = item[2]
            self._schedule_next(entry, now)
            if entry.key in self._running or entry.key in self._queued:
                self._skip(entry.key, 1)
            else:
                self._queued.add(entry.key)
                self._ready.append(entry)

    def _schedule_next(self, entry: _Entry, now: float) -> None:
        """The one place that says how long an interval is."""
        if entry.first:
            entry.first = False
            self._push(entry, slot_after_first(entry.key, entry.every_s, now))
            return
        missed = max(0, math.floor((now + EARLY_S - entry.due) / entry.every_s))
        self._skip(entry.key, missed)
        self._push(entry, entry.due + (missed + 1) * entry.every_s)

    def _skip(self, key: MonitorKey, runs: int) -> None:
        if runs and key != NOOP:
            self.skipped += runs
            self._overruns[key] += runs

    def _ramped(self, now: float) -> _Entry | None:
        """The next monitor of the ramp, when it may start one now."""
        key = self._ramp.take(now, lambda key: self._leaves_ramp(key, now))
        if key is None:
            return None
        self._queued.add(key)
        return self._entries[key]

    def _leaves_ramp(self, key: MonitorKey, now: float) -> bool:
        """Gives the monitor its regular place; False when it is gone, or runs already because somebody asked for it."""
        entry = self._entries.get(key)
        if entry is None or not entry.first:
            return False
        self._schedule_next(entry, now)
        return key not in self._running and key not in self._queued
