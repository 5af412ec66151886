"""The single writer: facts in, durable state, then effects out.

It takes all queued facts at once, decides each over the state the earlier ones left, commits what must survive in one
transaction, and only then takes the new state over and releases the effects. A failed commit discards the batch's decisions,
becomes the fact `StoreFailed`, and the batch is decided again from memory: acting nodes go on, and nothing that needs a durable
term can start.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Protocol

import anyio

from sitescope_fo.engine.cells import Cell, Cells, CellTable, Decision, Overlay
from sitescope_fo.model.effect import Effect
from sitescope_fo.model.errors import SiteScopeError
from sitescope_fo.model.fact import Fact, LoopGap, StoreFailed, StoreRecovered, Tick
from sitescope_fo.model.ports import Clock, Now

Decide = Callable[[Cells, Fact, Now], Decision]
Release = Callable[[tuple[Effect, ...]], None]
Wake = Callable[[Cells, Now], float]

BATCH = 2000
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
        self.table = CellTable()
        self.revision = 0
        self.last_tick = clock.mono()
        self.failing = ""
        self._clock, self._journal = clock, journal
        self._decide, self._release, self._wake = decide, release, wake
        self._unsaved: dict[tuple[str, str], bytes | None] = {}
        self._retry_at = 0.0
        self._saved: dict[tuple[str, str], bytes] = {}
        self._changed = anyio.Event()
        self._inbox: deque[tuple[Fact, anyio.Event | None]] = deque()
        self._arrived = anyio.Event()

    def load(self, values: Mapping[Cell, Any]) -> None:
        """Sets the state as read from disk, before `run`."""
        self.table.apply(values)
        for cell, value in values.items():
            if (data := self._journal.encode(cell, value)) is not None:
                self._saved[cell] = data

    def submit(self, fact: Fact) -> None:
        """Queues a fact; never waits. Raises anyio.WouldBlock when 200,000 facts wait: the engine is then beyond help."""
        self._put(fact, None)

    async def settle(self, fact: Fact) -> None:
        """Queues a fact and returns once it is decided, durable and released."""
        done = anyio.Event()
        self._put(fact, done)
        await done.wait()

    def _put(self, fact: Fact, done: anyio.Event | None) -> None:
        if len(self._inbox) >= MOST_WAITING:
            raise anyio.WouldBlock
        self._inbox.append((fact, done))
        self._arrived.set()

    async def changed(self) -> None:
        """Returns after the next batch that changed anything."""
        await self._changed.wait()

    async def run(self) -> None:
        """Decides for ever."""
        self.last_tick = self._clock.mono()
        while True:
            batch = await self._next_batch()
            now = self._clock.mono()
            gap = now - self.last_tick
            pause = [LoopGap(gap_s=gap)] if gap > GAP_S else []
            await self._settle_batch([*pause, *(fact for fact, _ in batch)])
            self.last_tick = now  # only now: until a pause is decided and durable, nobody may take this loop for awake
            for _, done in batch:
                if done is not None:
                    done.set()

    async def _next_batch(self) -> list[tuple[Fact, anyio.Event | None]]:
        now = self._clock.now()
        wait = min(self._wake(self.table, now) - now.mono, SLOWEST_TICK_S)
        if not self._inbox:
            self._arrived = anyio.Event()
            with anyio.move_on_after(max(wait, SHORTEST_TICK_S)):
                await self._arrived.wait()
        batch = [self._inbox.popleft() for _ in range(min(BATCH, len(self._inbox)))]
        return [*batch, (Tick(), None)]

    async def _settle_batch(self, facts: list[Fact]) -> None:
        if self.failing and self._clock.mono() >= self._retry_at and await self._written_after_all():
            facts = [StoreRecovered(), *facts]
        overlay, effects = self._decide_all(facts)
        pending = self._pending(overlay.changes)
        if pending and not self.failing:
            try:
                await self._journal.commit(pending)
            except SiteScopeError as error:
                self._fail(str(error))
                self._doubt(pending)
                overlay, effects = self._decide_all([StoreFailed(why=str(error)), *facts])
                pending = self._pending(overlay.changes)
        if self.failing:
            self._unsaved.update(pending)
        self._take(overlay, pending)
        self._release(effects)

    def _decide_all(self, facts: Iterable[Fact]) -> tuple[Overlay, tuple[Effect, ...]]:
        overlay = Overlay(self.table)
        effects: list[Effect] = []
        now = self._clock.now()
        for fact in facts:
            decision = self._decide(overlay, fact, now)
            overlay.changes.update(decision.changes)
            effects.extend(decision.effects)
        return overlay, tuple(effects)

    def _pending(self, changes: Mapping[Cell, Any]) -> dict[tuple[str, str], bytes | None]:
        pending: dict[tuple[str, str], bytes | None] = {}
        for cell, value in changes.items():
            if not self._journal.durable(cell.kind):
                continue
            data = None if value is None else self._journal.encode(cell, value)
            if data != self._saved.get(cell):
                pending[cell] = data
        return pending

    def _take(self, overlay: Overlay, pending: Mapping[tuple[str, str], bytes | None]) -> None:
        if not overlay.changes:
            return
        self.table.apply(overlay.changes)
        for cell, data in pending.items():
            if data is None:
                self._saved.pop(cell, None)
            else:
                self._saved[cell] = data
        self.revision += 1
        changed, self._changed = self._changed, anyio.Event()
        changed.set()

    def _fail(self, why: str) -> None:
        self.failing = why
        self._retry_at = self._clock.mono() + RETRY_S

    def _doubt(self, attempted: Iterable[tuple[str, str]]) -> None:
        """A commit that failed may be on disk or not: its cells are written again as they stood before it."""
        for cell in attempted:
            self._unsaved.setdefault(cell, self._saved.get(cell))

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


Submit = Callable[[Fact], None]
Settle = Callable[[Fact], Awaitable[None]]
