"""The stage: an app on the main thread, which any thread may end with a word."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

from sitescope_fo.console.safe_app import SafeApp
from sitescope_fo.model.errors import SiteScopeError

LAST_S = 1.0
Goodbye = Callable[[], Coroutine[Any, Any, None]]


class Stage:
    """Shows one app."""

    def __init__(self) -> None:
        self._change = threading.Lock()
        self._word = ""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._app: SafeApp | None = None

    def leave(self, word: str) -> None:
        """Ends the app with `word`, or keeps it from starting. The first word counts. For any thread."""
        with self._change:
            if not self._word:
                self._word = word
                if self._loop is not None and self._app is not None:
                    self._loop.call_soon_threadsafe(self._app.exit, word)

    def show(self, app: SafeApp, *, mouse: bool = True, last: Goodbye | None = None) -> str:
        """Runs the app to its end, then `last` for at most LAST_S, on the same loop.

        Gives the word the app ended with, "" for none. Raises what it crashed with.
        """
        try:
            ended = asyncio.run(self._show(app, mouse=mouse, last=last))
        finally:
            app.stop_reading()
        if app.crash is not None:
            raise app.crash
        return ended or ""

    async def _show(self, app: SafeApp, *, mouse: bool, last: Goodbye | None) -> str | None:
        with self._change:
            if self._word:
                return self._word
            self._app, self._loop = app, asyncio.get_running_loop()
        try:
            return await app.run_async(mouse=mouse)
        finally:
            with self._change:
                self._loop = None
            if last is not None:
                with suppress(TimeoutError, SiteScopeError):  # whoever is not there needs no goodbye
                    await asyncio.wait_for(last(), LAST_S)
