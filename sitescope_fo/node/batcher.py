"""Takes records from the engine loop and hands them to a blocking writer in batches, in order."""

from __future__ import annotations

from collections import deque
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

    A write that fails is tried again each second, before anything newer. Of more than `most` waiting records the oldest are
    dropped and counted in `dropped`.
    """

    def __init__(  # its seams, each by its name
        self,
        write: Callable[[list[T]], None],
        work: Work,
        lane: str,
        *,
        every_s: float,
        trouble: Callable[[str], None],
        most: int = MOST_WAITING,
    ) -> None:
        self._write, self._work, self._lane, self._every_s, self._trouble = write, work, lane, every_s, trouble
        self._most = most
        self._waiting: deque[T] = deque()
        self._added = anyio.Event()
        self._writing = anyio.Lock()
        self.dropped = 0

    def add(self, record: T) -> None:
        """Queues one record."""
        self._waiting.append(record)
        self._drop_oldest()
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
        """Writes everything that waits. False when it could not; what was not written waits on, also when cancelled."""
        async with self._writing:
            self._added.set()  # `run` may wait for this very event, and must come to wait for the next one
            self._added = anyio.Event()
            batch, self._waiting = self._waiting, deque()
            if not batch:
                return True
            written = False
            try:
                await self._work.run_blocking(self._write, list(batch), lane=self._lane)
                written = True
            except (OSError, SiteScopeError) as error:
                self._trouble(str(error))
            finally:
                if not written:
                    self._waiting.extendleft(reversed(batch))
                    self._drop_oldest()
                    self._added.set()
            return written

    def _drop_oldest(self) -> None:
        while len(self._waiting) > self._most:
            self._waiting.popleft()
            self.dropped += 1
