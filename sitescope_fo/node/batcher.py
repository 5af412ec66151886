"""Takes records from the engine loop and hands them to a blocking writer in batches, in order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

import anyio

from sitescope_fo.model.errors import SiteScopeError
from sitescope_fo.model.ports import Work

T = TypeVar("T")
MOST_WAITING = 500_000
RETRY_S = 1.0


class Batcher(Generic[T]):
    """`add` never waits; `run` writes what has come, then at most every `every_s` again; `drain` writes the rest.

    A write that fails is tried again each second; after 500,000 waiting records the oldest are dropped and counted in `dropped`.
    """

    def __init__(
        self, write: Callable[[list[T]], None], work: Work, lane: str, *, every_s: float, trouble: Callable[[str], None]
    ) -> None:
        self._write, self._work, self._lane, self._every_s, self._trouble = write, work, lane, every_s, trouble
        self._waiting: list[T] = []
        self._added = anyio.Event()
        self.dropped = 0

    def add(self, record: T) -> None:
        """Queues one record."""
        if len(self._waiting) >= MOST_WAITING:
            del self._waiting[0]
            self.dropped += 1
        self._waiting.append(record)
        self._added.set()

    async def run(self) -> None:
        """Writes for ever."""
        while True:
            await self._added.wait()
            if not await self.drain():
                await anyio.sleep(RETRY_S)
            elif self._every_s:
                await anyio.sleep(self._every_s)

    async def drain(self) -> bool:
        """Writes everything that waits. False when it could not."""
        self._added = anyio.Event()
        batch, self._waiting = self._waiting, []
        if not batch:
            return True
        try:
            await self._work.run_blocking(self._write, batch, lane=self._lane)
        except (OSError, SiteScopeError) as error:
            self._waiting = batch + self._waiting
            self._added.set()
            self._trouble(str(error))
            return False
        return True
