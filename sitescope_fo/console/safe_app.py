"""The base of the console's application: a crash ends it and says nothing by itself.

Textual prints a traceback with the local variables of every frame, which may hold a password that somebody has just typed.
"""

from __future__ import annotations

from collections.abc import Callable

from textual.app import App

from sitescope_fo.console.app import Console


class SafeApp(App[str]):
    """Ends with a word for what is to become of the engine; `crash` says that it broke instead."""

    crash: Exception | None = None
    """The first error that nobody expected."""
    painted: Callable[[], None] | None = None
    """Called when the first frame has been shown."""

    def on_ready(self) -> None:
        """Tells whoever waited for the first frame."""
        if self.painted is not None:
            self.painted()

    def stop_reading(self) -> None:
        """Ends the thread that reads keys, however the app ended: left alone with a terminal that is gone it would spin."""
        if self._driver is not None:
            self._driver.disable_input()

    def _handle_exception(self, error: Exception) -> None:
        if self.crash is None:
            self.crash = error
        self._return_code = 1
        if self._exception is None:  # what `run_test` raises again
            self._exception = error
            self._exception_event.set()
        self._close_messages_no_wait()

    def panic(self, *renderables: object) -> None:
        """Ends the app; what it wanted to print stays unprinted."""
        self._close_messages_no_wait()


class SafeConsole(SafeApp, Console):
    """The console as people get it."""
