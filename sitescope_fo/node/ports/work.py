"""Blocking work in threads, a few at a time, in order where a lane asks for it."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable
from typing import TypeVar

import anyio
import anyio.from_thread
import anyio.to_thread

T = TypeVar("T")

SLICE_S = 0.004
"""How long a worker may keep the interpreter to itself."""
TURNS = 4
"""How often the loop comes round then. A request takes some eight turns, and waits a slice only before every fourth."""


class ThreadWork:
    """The Work port in life: at most `threads` at once; calls of one lane follow each other."""

    def __init__(self, threads: int = 8) -> None:
        self._limit = anyio.CapacityLimiter(threads)
        self._lanes: defaultdict[str, anyio.Lock] = defaultdict(anyio.Lock)
        self._slice = threading.local()

    async def run_blocking(self, fn: Callable[..., T], *args: object, lane: str = "") -> T:
        """See the port."""
        if not lane:
            return await anyio.to_thread.run_sync(fn, *args, limiter=self._limit)
        async with self._lanes[lane]:
            return await anyio.to_thread.run_sync(fn, *args, limiter=self._limit)

    def breathe(self) -> None:
        """Lets the loop run when this worker has computed for a slice; costs nothing before. Elsewhere than in a worker: nothing.

        One interpreter computes in one thread at a time, and the loop waits up to 5 ms for each of its turns while a worker
        computes. Measured beside the parsing of 10,000 monitors, a small request at the 99th percentile: 86 to 157 ms; with
        this 18 to 24 ms, and the parsing takes a tenth longer.
        """
        now = time.monotonic()
        since = getattr(self._slice, "began", None)
        if since is not None and now - since < SLICE_S:
            return
        try:
            for _ in range(TURNS):
                anyio.from_thread.run_sync(_turn)
        except RuntimeError:  # no worker, or its loop is gone: nobody waits
            return
        self._slice.began = time.monotonic()


def _turn() -> None:
    """One turn of the loop."""
