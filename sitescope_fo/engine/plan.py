"""Which monitor starts when. Pure: no clock, no tasks; `now` is the boot-time clock.

Every scheduled monitor has exactly one place in a heap (its next due time), so that ten thousand cost no more per start than ten.
A monitor that is due passes `ready`, then, when its host has no room, the host's own queue; from there it starts.

- No drift: the next due time is the last one plus the frequency, whatever the run took.
- An interval in which the last run was still going or waiting for room, or in which nobody asked, is a skip: it is counted and
  not made up for.
- After an activation the monitors pass a ramp first: shortest frequency first, profiles in turn, `ramp_per_s` a second on the
  whole node. Each then goes on in its regular place.
- When nobody looked at the plan for a while (a suspend, a stopped process), what fell due meanwhile passes the same ramp: one run
  each. The other intervals of the pause are counted as paused, which is no overload.
- A monitor that may not start when it is due (its profile is frozen) waits in the ramp until it may.
- One with a schedule runs inside its windows only. What is due outside runs at the next opening, or at the next moment of an
  absolute schedule, through the ramp. A step of the wall clock (`follow`) works these times out anew.
"""

from __future__ import annotations

import heapq
import math
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from types import MappingProxyType

from sitescope_fo.engine.calendar import Calendar
from sitescope_fo.engine.entry import EARLY_S, Entry, error_interval_s
from sitescope_fo.engine.gate import Gates
from sitescope_fo.engine.host_room import HostRoom, Waiting
from sitescope_fo.engine.ramp import Pause, Place, Ramp
from sitescope_fo.engine.spread import first_wait, goes_on, next_slot, place, target_host
from sitescope_fo.model.monitor import Monitor, MonitorKey
from sitescope_fo.model.ports import Now

NOOP = MonitorKey("\x1f", "noop")
"""The built-in monitor that does nothing, every second, through the same queue. It belongs to no tree."""
NOOP_EVERY_S = 1.0
SOON_S = 5.0
"""A monitor that is added to a running tree runs for the first time within this time (or within its frequency)."""
START_S = 60.0
"""When a tree starts, each monitor runs for the first time within this time (or within its frequency)."""
NO_AGES: Mapping[MonitorKey, float] = MappingProxyType({})
PAUSE_S = 5.0
"""The plan is looked at once a second, for the no-op monitor; a longer silence than this was a pause of the engine."""
LAST_RUN, HOST_FULL, NODE_FULL, LATE = "last run not ended", "no room at its host", "no room on the node", "asked too late"
"""Why a run was skipped."""


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
        self.max_checks = max_checks
        self._hosts = HostRoom(max_per_host)
        self._host_of = host_of
        self._ramp = Ramp(ramp_per_s)
        self._gates = Gates()
        self._entries: dict[MonitorKey, Entry] = {}
        self._profiles: dict[str, dict[MonitorKey, Entry]] = {}
        self._heap: list[tuple[float, int, Entry]] = []
        self._seq = 0
        self._ready: deque[Entry] = deque()
        self._queued: set[MonitorKey] = set()
        self._running: dict[MonitorKey, str] = {}
        self._manual: set[MonitorKey] = set()
        self._verifying: set[MonitorKey] = set()
        self._overruns: Counter[MonitorKey] = Counter()
        self._full = self._ramp_first = False
        self._looked: float | None = None
        self._pause: Pause | None = None
        self.may_start: Callable[[str], bool] = lambda _: True
        """Whether monitors of a profile may start now; the runner sets it."""
        self.on_change: Callable[[], None] = lambda: None
        """Called after every change of what there is to run; the runner sets it."""
        self.skips: Counter[str] = Counter()
        """Runs that were not made, by the reason."""
        self.layouts = 0
        """How often there was something else to run: grows when many next runs change at once."""
        self.paused = 0
        """Runs that were not made because the whole engine was away, or the profile might not start any."""
        noop = self._entries[NOOP] = Entry(NOOP, NOOP_EVERY_S, 0.0, "", 0.0)
        self._push(noop, 0.0)

    def limit(self, *, max_checks: int, max_per_host: int, ramp_per_s: float) -> None:
        """Sets other limits; what runs already goes on."""
        self.max_checks, self._hosts.most = max_checks, max_per_host
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
        in_error: Collection[MonitorKey] = frozenset(),
        calendar_of: Callable[[Monitor], Calendar | None] = lambda _: None,
    ) -> None:
        """Makes `monitors` (the enabled ones) the schedule of a profile; `in_error`: those whose last result was an error.

        A monitor whose frequencies, host and calendar (asked for those with a schedule) stay keeps its place. One that ran
        lately, perhaps on the other node (`ages`, seconds since), goes on in that rhythm. Any other runs a first time before it
        takes its regular place: within seconds in a tree that runs already, within a minute when the tree starts, with `ramp` in
        the order of the ramp. What its schedule forbids now waits; a moment that was missed is made up for when the tree starts.
        """
        self.layouts += 1
        wanted = {MonitorKey(profile, m.id): m for m in monitors if m.enabled}
        known = self._profiles.get(profile)
        have = self._profiles.setdefault(profile, {})
        for gone in [key for key in have if key not in wanted]:
            self._drop(have.pop(gone))
        fresh: list[Entry] = []
        for key, monitor in wanted.items():
            entry = have.get(key)
            gate = self._gates.of(calendar_of(monitor)) if monitor.schedule else None
            shape = (monitor.frequency_s, error_interval_s(monitor, gate), self._host_of(monitor))
            if entry is not None and entry.gate is gate and (entry.every_s, entry.error_every_s, entry.host) == shape:
                continue
            if entry is not None:
                self._drop(entry)
            new = Entry(key, *shape, regular=next_slot(key, monitor.frequency_s, now), in_error=key in in_error, gate=gate)
            have[key] = self._entries[key] = new
            if entry is not None and entry.gate is gate:
                new.done_wall = entry.done_wall
                self._push(new, new.changed(now))
            else:
                fresh.append(new)
        for entry in fresh:
            age_s = ages.get(entry.key)
            entry.first = ramp or not goes_on(entry.interval_s, age_s)
            if entry.waits_for_schedule(now, age_s if known is None else None):
                self._push(entry, entry.due)
            elif not ramp:
                within_s = SOON_S if known is not None else START_S
                due = now + first_wait(entry.key, entry.interval_s, age_s, within_s)
                entry.goes_on_at(due)
                self._push(entry, due)
        if ramp:
            self._ramp.add(profile, [_ramp_place(entry) for entry in fresh if entry.due == math.inf])
        self._tidy()
        self.on_change()

    def remove(self, profile: str) -> None:
        """Starts no more of a profile. What runs goes on until `finished`."""
        self.layouts += 1
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

    def verify(self, key: MonitorKey, *, manual: bool) -> None:
        """Runs a monitor a second time at once, first in the queue. The due time that falls into this run is no skip.

        A run that is under way already is the second one. `manual`: people asked for the first one.
        """
        entry = self._entries.get(key)
        if entry is None:
            return
        self._verifying.add(key)
        if key in self._running:
            return
        if manual:
            self._manual.add(key)
        if key not in self._queued:
            self._queued.add(key)
            self._ready.appendleft(entry)
        self.on_change()

    def follow(self, now: Now) -> None:
        """What the clocks show now: after a step of the wall clock, what waits for its schedule has other due times."""
        if not self._gates.follow(now):
            return
        self.layouts += 1
        for entry in self._entries.values():
            if entry.stepped(now.mono):
                self._push(entry, entry.due)

    def judged(self, key: MonitorKey, *, in_error: bool, started: float, now: float) -> None:
        """The run begun at `started` said whether the monitor is in error, and with that at which interval it runs on."""
        entry = self._entries.get(key)
        if entry is not None and entry.judged(in_error=in_error, started=started, now=now):
            self._push(entry, entry.due)
            self.on_change()

    # --- running it -------------------------------------------------------------------------------------------------

    def pop_due(self, now: float, in_flight: int) -> list[MonitorKey]:
        """The monitors to start now, in order; each is running until `finished`. `in_flight`: checks that run on the node."""
        room = self.max_checks - in_flight
        if self._looked is not None and now - self._looked > PAUSE_S:
            self._catch_up(now, now - self._looked)
        self._looked = now
        self._collect_due(now)
        started: list[MonitorKey] = []
        while room > len(started):
            entry = self._next(now)
            if entry is None:
                break
            if not self._in_force(entry):
                self._admit(entry.host)
                continue
            if entry.gate is not None and self._closed_meanwhile(entry, now):
                continue
            if self._hosts.full(entry.host):
                self._hosts.wait(entry)
                continue
            self._queued.discard(entry.key)
            self._running[entry.key] = entry.host
            self._hosts.enter(entry.host)
            started.append(entry.key)
        self._full = room <= len(started)
        return started

    def finished(self, key: MonitorKey, now: float) -> None:
        """A started monitor has ended (or was not started after all): its place is free."""
        host = self._running.pop(key, None)
        if host is None:
            return
        self._verifying.discard(key)
        self._hosts.leave(host)
        self._admit(host)

    @property
    def wants_room(self) -> bool:
        """Whether a place that becomes free lets something start."""
        return self._full or bool(self._ready)

    def postpone(self, key: MonitorKey, now: float) -> None:
        """A monitor whose start was not allowed, or whose run was worth nothing, waits in the ramp until it may start."""
        entry = self._entries.get(key)
        if entry is None or entry.runs_anyway or key == NOOP or key in self._queued:
            return
        entry.late_since, entry.first = now, True
        entry.due = math.inf
        self._ramp.put(key.profile, _ramp_place(entry))

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

    def take_pause(self) -> Pause | None:
        """The pause that the last look at the plan has found; forgets it."""
        found, self._pause = self._pause, None
        return found

    def manual(self, key: MonitorKey) -> bool:
        """Whether this start was asked for by `run_now`; forgets it."""
        asked = key in self._manual
        self._manual.discard(key)
        return asked

    # --- what people ask --------------------------------------------------------------------------------------------

    def next_run(self, key: MonitorKey) -> float | None:
        """When the monitor runs next, on the boot-time clock; None when it is not scheduled or still in the ramp."""
        entry = self._entries.get(key)
        if entry is None or entry.due == math.inf:
            return None
        return entry.due if entry.gate is None else entry.gate.opening(entry.due)

    def scheduled(self, profile: str) -> int:
        """How many monitors of a profile are scheduled."""
        return len(self._profiles.get(profile, ()))

    @property
    def skipped(self) -> int:
        """Runs that were not made because the last one had not ended, there was no room, or nobody asked in time."""
        return self.skips.total()

    def crowded(self, most: int = 3) -> list[Waiting]:
        """The hosts for which most monitors wait because they have as many checks under way as they may have."""
        return self._hosts.crowded(most, self._in_force)

    @property
    def overdue(self) -> int:
        """Monitors that are due and wait for room."""
        return len(self._queued)

    @property
    def ramping(self) -> int:
        """Monitors that wait for their first run after an activation, or after a time in which they might not run."""
        return len(self._ramp)

    def _next(self, now: float) -> Entry | None:
        """The next entry to look at: of what is due and of the ramp in turn, so that a full node starves neither."""
        self._ramp_first = not self._ramp_first
        if self._ramp_first and (entry := self._ramped(now)):
            return entry
        return self._ready.popleft() if self._ready else self._ramped(now)

    # --- inside -----------------------------------------------------------------------------------------------------

    def _push(self, entry: Entry, due: float) -> None:
        entry.due = due
        self._seq += 1
        heapq.heappush(self._heap, (due, self._seq, entry))

    def _drop(self, entry: Entry) -> None:
        """The heap and the queues notice by themselves that an entry is no longer the one in force."""
        self._entries.pop(entry.key, None)
        self._queued.discard(entry.key)
        self._manual.discard(entry.key)
        self._verifying.discard(entry.key)

    def _in_force(self, entry: Entry) -> bool:
        return self._entries.get(entry.key) is entry and entry.key in self._queued

    def _admit(self, host: str) -> None:
        """Lets the next monitor that waits for a host try again."""
        entry = self._hosts.next(host, self._in_force)
        if entry is not None:
            self._ready.appendleft(entry)

    def _tidy(self) -> None:
        """Drops heap items that no longer count once they outnumber the others."""
        if len(self._heap) > 2 * len(self._entries) + 1000:
            self._heap = [item for item in self._heap if not self._stale(item)]
            heapq.heapify(self._heap)

    def _stale(self, item: tuple[float, int, Entry]) -> bool:
        due, _, entry = item
        return self._entries.get(entry.key) is not entry or entry.due != due

    def _due(self, now: float) -> Iterator[Entry]:
        """Takes the entries that are due out of the heap."""
        while self._heap and self._heap[0][0] <= now + EARLY_S:
            item = heapq.heappop(self._heap)
            if not self._stale(item):
                yield item[2]

    def _collect_due(self, now: float) -> None:
        for entry in self._due(now):
            if entry.gate is not None and self._waits(entry, now):
                continue
            self._skip(entry, entry.take(now), LATE)
            self._push(entry, entry.due)
            if entry.key not in self._running and entry.key not in self._queued:
                self._queued.add(entry.key)
                self._ready.append(entry)
            elif entry.key in self._verifying:
                self._verifying.discard(entry.key)
            elif entry.key in self._running:
                self._skip(entry, 1, LAST_RUN)
            else:
                self._skip(entry, 1, HOST_FULL if self._hosts.has_line(entry.host) else NODE_FULL)

    def _waits(self, entry: Entry, now: float) -> bool:
        """Whether a monitor that is due waits on: for its schedule to open, or, as it does open or strike, in the ramp."""
        if entry.shut(now):
            self._push(entry, entry.due)
        elif entry.first:
            entry.due = math.inf
            self._ramp.put(entry.key.profile, _ramp_place(entry))
        return entry.first

    def _closed_meanwhile(self, entry: Entry, now: float) -> bool:
        """Whether a monitor that waited for room must not start any more: its schedule closed. A second run is still made."""
        if entry.key in self._manual or entry.key in self._verifying or entry.gate is None or not entry.gate.shut(now):
            return False
        self._queued.discard(entry.key)
        self._skip(entry, 1, HOST_FULL if self._hosts.has_line(entry.host) else NODE_FULL)
        self._admit(entry.host)
        return True

    def _skip(self, entry: Entry, runs: int, why: str) -> None:
        if runs and entry.key != NOOP:
            self.skips[why] += runs
            self._overruns[entry.key] += runs

    def _catch_up(self, now: float, gap_s: float) -> None:
        """After a pause: what fell due meanwhile goes through the ramp, one run each."""
        late: dict[str, list[Place]] = {}
        runs = 0
        for entry in list(self._due(now)):
            if entry.key == NOOP or entry.shut(now):
                self._push(entry, entry.due)
            elif entry.key in self._running or entry.key in self._queued:
                runs += entry.missed(now) + (not entry.first)
                entry.take(now)
                self._push(entry, entry.due)
            else:
                runs += entry.set_back(now)
                late.setdefault(entry.key.profile, []).append(_ramp_place(entry))
        self.paused += runs
        for profile, places in late.items():
            self._ramp.add(profile, places)
        self._pause = Pause(gap_s, sum(map(len, late.values())), runs)

    def _ramped(self, now: float) -> Entry | None:
        """The next monitor of the ramp, when it may start one now."""
        key = self._ramp.take(now, lambda key: self._leaves_ramp(key, now), self.may_start)
        if key is None:
            return None
        self._queued.add(key)
        return self._entries[key]

    def _leaves_ramp(self, key: MonitorKey, now: float) -> bool:
        """Gives the monitor its next place; False when it is gone, or runs already because somebody asked for it."""
        entry = self._entries.get(key)
        if entry is None or not entry.first:
            return False
        if entry.shut(now):
            self._push(entry, entry.due)
            return False
        self.paused += entry.take(now)
        self._push(entry, entry.due)
        return key not in self._running and key not in self._queued


def _ramp_place(entry: Entry) -> Place:
    return entry.interval_s, place(entry.key), entry.key
