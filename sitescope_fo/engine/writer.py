"""The single writer: facts in, durable state, then effects out.

It takes the queued facts, decides each over the state the earlier ones left, commits what must survive in one transaction, and
only then takes the new state over and releases the effects. A failed commit discards the batch's decisions, becomes the fact
`StoreFailed`, and the batch is decided again from memory: acting nodes go on, and nothing that needs a durable term can start.

Results of checks are many, so they are patient in two ways. They gather for `LINGER_S` before they are decided, unless a fact of
another kind comes. And a batch that changes nothing durable but monitor states, and has no effect but rows for the daily log, is
not committed by itself: the next commit, at most `FLUSH_S` later, carries it. Every commit carries all that waits, so what is on
disk is always a state that the node was in as a whole, and a kill takes at most the last second of monitor states.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Protocol

import anyio
import anyio.lowlevel

from sitescope_fo.engine.cells import Cell, Cells, CellTable, Decision, Overlay
from sitescope_fo.engine.effects import Record
from sitescope_fo.engine.state import MONITOR, TRACED
from sitescope_fo.model.effect import Effect
from sitescope_fo.model.errors import SiteScopeError
from sitescope_fo.model.fact import (
    CheckFinished,
    CheckSkipped,
    Fact,
    LoopGap,
    NodeStarted,
    NoopFinished,
    StoreFailed,
    StoreRecovered,
    Tick,
)
from sitescope_fo.model.ports import Clock, Now

Decide = Callable[[Cells, Fact, Now], Decision]
Release = Callable[[tuple[Effect, ...]], None]
Wake = Callable[[Cells, Now], float]

DECIDE_S = 0.005
"""How long deciding may hold the loop at a time: a peer's probe waits for no more than that."""
LINGER_S = 0.05
FLUSH_S = 1.0
FLUSH_CELLS = 500
"""So many monitor states are written without waiting longer, so that encoding them is no long step."""
MOST_WAITING = 200_000
RETRY_S = 1.0
SLOWEST_TICK_S = 0.5
SHORTEST_TICK_S = 0.001
"""A deadline an ulp away must not become a spin: a sleep that short may not move the clock at all."""
GAP_S = 1.5
"""Batches further apart than this are a pause of the engine (SIGSTOP, suspend, overload, a stuck disk), told before all else."""


class Journal(Protocol):
    """Where durable cells go."""

    def encode(self, cell: Cell, value: Any) -> bytes | None:  # noqa: ANN401
        """The durable form of a value; None when its kind does not survive the process."""
        ...

    def durable(self, kind: str) -> bool:
        """Whether cells of the kind survive the process."""
        ...

    async def commit(self, changes: Mapping[tuple[str, str], bytes | None]) -> None:
        """One transaction, on disk when it returns. Raises SiteScopeError."""
        ...


class Writer:
    """Owns the state. `submit` from any task of the engine's loop; `run` until cancelled."""

    def __init__(self, clock: Clock, journal: Journal, decide: Decide, release: Release, wake: Wake) -> None:
        self.table = CellTable(TRACED)
        self.last_tick = clock.mono()
        self.failing = ""
        self._clock, self._journal = clock, journal
        self._decide, self._release, self._wake = decide, release, wake
        self._unsaved: dict[tuple[str, str], bytes | None] = {}
        self._retry_at = 0.0
        self._saved: dict[tuple[str, str], bytes] = {}
        self._late: set[Cell] = set()
        self._late_since = math.inf
        self._ticked = -math.inf
        self._changed = anyio.Event()
        self._inbox: deque[tuple[Fact, anyio.Event | None]] = deque()
        self._arrived, self._hurry = anyio.Event(), anyio.Event()

    @property
    def revision(self) -> int:
        """Grows with every batch that changed anything."""
        return self.table.revision

    def load(self, values: Mapping[Cell, Any]) -> None:
        """Sets the state as read from disk, before `run`."""
        self.table.apply(values)
        for cell, value in values.items():
            if cell.kind != MONITOR and (data := self._journal.encode(cell, value)) is not None:
                self._saved[cell] = data

    def submit(self, fact: Fact) -> None:
        """Queues a fact; never waits. Raises anyio.WouldBlock when 200,000 facts wait: the engine is then beyond help."""
        self._put(fact, None)

    async def settle(self, fact: Fact) -> None:
        """Queues a fact and returns once it and all before it are decided, durable and released."""
        done = anyio.Event()
        self._put(fact, done)
        await done.wait()

    def _put(self, fact: Fact, done: anyio.Event | None) -> None:
        if len(self._inbox) >= MOST_WAITING:
            raise anyio.WouldBlock
        self._inbox.append((fact, done))
        self._arrived.set()
        if done is not None or not _patient(fact):
            self._hurry.set()

    async def changed(self, kind: str = "") -> None:
        """Returns after the next batch that changed anything, or any cell of one kind."""
        before = self.table.version(kind)
        while True:
            await self._changed.wait()
            if not kind or self.table.version(kind) != before:
                return

    async def run(self) -> None:
        """Decides for ever."""
        self.last_tick = self._clock.mono()
        while True:
            await self._something()
            now = self._clock.mono()
            gap = now - self.last_tick
            waiters = await self._settle_batch([LoopGap(gap_s=gap)] if gap > GAP_S else [])
            self.last_tick = now  # only now: until a pause is decided and durable, nobody may take this loop for awake
            for done in waiters:
                done.set()

    async def flush(self) -> None:
        """Writes the monitor states that wait, after `run` was cancelled. Raises SiteScopeError."""
        late, self._late = self._late, set()
        if pending := self._pending({cell: self.table.get(cell) for cell in late}):
            await self._journal.commit(pending)

    async def _something(self) -> None:
        """Returns when there is something to decide, and patient facts have gathered; at the next deadline anyway."""
        now = self._clock.now()
        until = min(self._wake(self.table, now), now.mono + SLOWEST_TICK_S, self._late_since + FLUSH_S)
        if not self._inbox:
            self._arrived, self._hurry = anyio.Event(), anyio.Event()
            with anyio.move_on_after(max(until - now.mono, SHORTEST_TICK_S)):
                await self._arrived.wait()
                with anyio.move_on_after(LINGER_S):
                    await self._hurry.wait()
        else:
            await anyio.lowlevel.checkpoint()

    async def _settle_batch(self, first: list[Fact]) -> list[anyio.Event]:
        """Decides `first` and what is queued, for `DECIDE_S` at most. Gives back who waits for what was decided."""
        if self.failing and self._clock.mono() >= self._retry_at and await self._written_after_all():
            first = [StoreRecovered(), *first]
        overlay, effects, facts, waiters = self._decide_queued(first)
        firm = self._pending({cell: value for cell, value in overlay.changes.items() if cell.kind != MONITOR})
        states = {cell: value for cell, value in overlay.changes.items() if cell.kind == MONITOR}
        if not self.failing and (waiters or firm or self._is_time(effects)):
            pending = firm | self._pending({cell: self.table.get(cell) for cell in self._late} | states)
            self._late, self._late_since = set(), math.inf
            if pending and not await self._committed(pending):
                overlay, effects = self._decide_all(_with_failure(facts, StoreFailed(why=self.failing)))
        elif states and not self.failing:
            self._late.update(states)
            self._late_since = min(self._late_since, self._clock.mono())
        if self.failing:
            self._unsaved.update(pending := self._pending(overlay.changes))
            self._remember(pending)
        self._take(overlay)
        self._release(effects)
        return waiters

    def _decide_queued(self, first: list[Fact]) -> tuple[Overlay, tuple[Effect, ...], list[Fact], list[anyio.Event]]:
        overlay, effects, facts, waiters = Overlay(self.table), list[Effect](), list(first), list[anyio.Event]()
        now = self._clock.now()
        for fact in first:
            self._decide_one(overlay, effects, fact, now)
        over_at = now.mono + DECIDE_S
        while self._inbox and self._clock.mono() <= over_at:
            fact, done = self._inbox.popleft()
            self._decide_one(overlay, effects, fact, now)
            facts.append(fact)
            if done is not None:
                waiters.append(done)
        if not self._inbox or now.mono >= self._ticked + SLOWEST_TICK_S:  # a deadline waits for what came before it
            self._ticked = now.mono
            self._decide_one(overlay, effects, Tick(), now)
            facts.append(Tick())
        return overlay, tuple(effects), facts, waiters

    def _decide_all(self, facts: Iterable[Fact]) -> tuple[Overlay, tuple[Effect, ...]]:
        overlay, effects = Overlay(self.table), list[Effect]()
        now = self._clock.now()
        for fact in facts:
            self._decide_one(overlay, effects, fact, now)
        return overlay, tuple(effects)

    def _decide_one(self, overlay: Overlay, effects: list[Effect], fact: Fact, now: Now) -> None:
        decision = self._decide(overlay, fact, now)
        if decision.changes:
            overlay.take(decision.changes)
        if decision.effects:
            effects.extend(decision.effects)

    def _is_time(self, effects: tuple[Effect, ...]) -> bool:
        """Whether monitor states are to be durable now: they have waited long enough, or others will see what they led to."""
        if len(self._late) >= FLUSH_CELLS or self._clock.mono() >= self._late_since + FLUSH_S:
            return True
        return any(not isinstance(effect, Record) for effect in effects)

    def _pending(self, changes: Mapping[Cell, Any]) -> dict[tuple[str, str], bytes | None]:
        """What of `changes` is to be written. A monitor's state is never the same twice, so what it was is not kept."""
        pending: dict[tuple[str, str], bytes | None] = {}
        for cell, value in changes.items():
            if not self._journal.durable(cell.kind):
                continue
            data = None if value is None else self._journal.encode(cell, value)
            if cell.kind == MONITOR or data != self._saved.get(cell):
                pending[cell] = data
        return pending

    async def _committed(self, pending: Mapping[tuple[str, str], bytes | None]) -> bool:
        """Writes; a commit that failed may be on disk or not, so its cells are written again as they stood before it."""
        try:
            await self._journal.commit(pending)
        except SiteScopeError as error:
            self._fail(str(error))
            for kind, cell_id in pending:
                value = self.table.get(Cell(kind, cell_id))
                self._unsaved[kind, cell_id] = None if value is None else self._journal.encode(Cell(kind, cell_id), value)
            return False
        self._remember(pending)
        return True

    def _remember(self, written: Mapping[tuple[str, str], bytes | None]) -> None:
        for cell, data in written.items():
            if data is None:
                self._saved.pop(cell, None)
            elif cell[0] != MONITOR:
                self._saved[cell] = data

    def _take(self, overlay: Overlay) -> None:
        if not overlay.changes:
            return
        self.table.apply(overlay.changes)
        changed, self._changed = self._changed, anyio.Event()
        changed.set()

    def _fail(self, why: str) -> None:
        self.failing = why
        self._retry_at = self._clock.mono() + RETRY_S

    async def _written_after_all(self) -> bool:
        """Tries to write what memory is ahead of the disk; one cell more, so that the disk is tried when nothing is."""
        try:
            await self._journal.commit({("writer", "retry"): b"{}", **self._unsaved})
        except SiteScopeError as error:
            self._fail(str(error))
            return False
        self._unsaved.clear()
        self.failing = ""
        return True


def _patient(fact: Fact) -> bool:
    """Whether nobody waits for the decision on this very fact."""
    return isinstance(fact, CheckSkipped | NoopFinished) or (isinstance(fact, CheckFinished) and not fact.manual)


def _with_failure(facts: list[Fact], failure: StoreFailed) -> list[Fact]:
    """The batch with the failure told before all else but the start of the node, which is the first fact of a life."""
    started = next((n + 1 for n, fact in enumerate(facts) if isinstance(fact, NodeStarted)), 0)
    return [*facts[:started], failure, *facts[started:]]


Submit = Callable[[Fact], None]
Settle = Callable[[Fact], Awaitable[None]]
