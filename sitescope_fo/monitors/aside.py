"""Calls that may hang for ever (a resolver without servers, a dead NFS mount), kept off the loop and off each other.

The loop's own pool of worker threads has cpu + 4 places: six hanging look-ups would stop every other one, the health probe of
the primary too. Here each call has its own daemon thread, equal calls share one, and a waiter that gives up leaves it behind.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

T = TypeVar("T")


class Aside:
    """At most `places` calls at a time; further ones wait. For one event loop (asyncio)."""

    def __init__(self, places: int) -> None:
        self._places = asyncio.Semaphore(places)
        self._running: dict[Hashable, asyncio.Future[Any]] = {}

    async def call(self, key: Hashable, fn: Callable[..., T], *args: object) -> T:
        """`fn(*args)`, or the outcome of a call with the same key that is already on its way. Cancelling abandons it.

        `fn` may raise OSError and ValueError, nothing else.
        """
        if key not in self._running:
            await self._places.acquire()
            if key in self._running:
                self._places.release()
            else:
                self._start(key, fn, args)
        outcome: T = await asyncio.shield(self._running[key])
        return outcome

    def _start(self, key: Hashable, fn: Callable[..., T], args: tuple[object, ...]) -> None:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._running[key] = future

        def finished(done: asyncio.Future[T]) -> None:
            del self._running[key]
            self._places.release()
            if not done.cancelled():
                done.exception()  # marks it as seen: everybody who waited may have given up

        def settle(value: T | None, error: Exception | None) -> None:
            if future.done():
                return
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(value)  # type: ignore[arg-type]  # None only when T is

        def work() -> None:
            outcome: tuple[T | None, Exception | None]
            try:
                outcome = (fn(*args), None)
            except (OSError, ValueError) as error:
                outcome = (None, error)
            with contextlib.suppress(RuntimeError):  # the loop has closed: nobody waits any more
                loop.call_soon_threadsafe(settle, *outcome)

        future.add_done_callback(finished)
        threading.Thread(target=work, name="sitescope-aside", daemon=True).start()
