"""Blocking work in threads, a few at a time, in order where a lane asks for it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import TypeVar

import anyio
import anyio.to_thread

T = TypeVar("T")


class ThreadWork:
    """The Work port in life: at most `threads` at once; calls of one lane follow each other."""

    def __init__(self, threads: int = 8) -> None:
        self._limit = anyio.CapacityLimiter(threads)
        self._lanes: defaultdict[str, anyio.Lock] = defaultdict(anyio.Lock)

    async def run_blocking(self, fn: Callable[..., T], *args: object, lane: str = "") -> T:
        """See the port."""
        if not lane:
            return await anyio.to_thread.run_sync(fn, *args, limiter=self._limit)
        async with self._lanes[lane]:
            return await anyio.to_thread.run_sync(fn, *args, limiter=self._limit)
