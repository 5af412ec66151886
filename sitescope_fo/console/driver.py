"""The drivers of the console: Textual's for Linux, except that a terminal which stops reading, or goes, holds nothing up.

Textual's own waits for a queue of 30 writes to drain (measured: its loop stood for seconds), and reads a terminal that is gone
for ever, with a whole core.
"""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from textual.drivers.linux_driver import LinuxDriver

from sitescope_fo.console.output import Output
from sitescope_fo.console.terminal import reopened, reset_screen

if TYPE_CHECKING:
    from textual.app import App

PATIENCE_S = 0.5
"""How long the last words may take to leave; then the screen is restored past all that waits."""
HUNG_UP = "hangup"
"""How an app ends when its terminal cannot be read any more."""
_LEFT_OUT = "\x1b[?1016l\x1b[0m"
"""What Textual switches on and never off: mouse reports in pixels."""
_USUAL_SIZE = (80, 24)


class SheddingDriver(LinuxDriver):
    """Drops frames instead of waiting, and paints all anew when the terminal reads again."""

    def __init__(self, app: App[Any], *, debug: bool = False, mouse: bool = True, size: tuple[int, int] | None = None) -> None:
        super().__init__(app, debug=debug, mouse=mouse, size=size)
        self._output: Output | None = None
        self._asleep = False

    @property
    def dropped(self) -> int:
        """Writes that were dropped since the last start."""
        return self._output.dropped if self._output is not None else 0

    def start_application_mode(self) -> None:
        """Takes the terminal."""
        if self._output is None:
            self._output = Output(reopened(self.fileno), self._drained)
        super().start_application_mode()  # type: ignore[no-untyped-call]

    def write(self, data: str) -> None:
        """Puts data on its way; never waits."""
        if self._output is not None:
            self._output.write(data)

    def stop_application_mode(self) -> None:
        """Puts the terminal's modes back."""
        if self._output is not None:
            self._output.keep_all()
        super().stop_application_mode()
        self.write(_LEFT_OUT)

    def close(self) -> None:
        """Lets the last words leave. A terminal that does not take them is restored past what waits on the way to it."""
        super().close()
        if self._output is not None:
            if not self._output.close(PATIENCE_S):
                reset_screen(self.fileno)
            self._output = None

    def _drained(self) -> None:
        self._soon(self._repaint)

    def _repaint(self) -> None:
        self._app.refresh(layout=True)

    def _soon(self, call: Any, *args: object) -> None:  # noqa: ANN401  # any function
        with suppress(RuntimeError):  # the loop is over
            self._loop.call_soon_threadsafe(call, *args)

    def _get_terminal_size(self) -> tuple[int, int]:
        """Of the terminal itself: standard output may have been put aside."""
        try:
            columns, lines = os.get_terminal_size(self.fileno)
        except OSError:
            return _USUAL_SIZE
        return (columns, lines) if columns and lines else _USUAL_SIZE

    def _run_input_thread(self) -> None:
        try:
            self.run_input_thread()
        except OSError:
            self._soon(self._app.exit, HUNG_UP)
        except Exception as error:  # noqa: BLE001  # a defect in reading keys: told as every other defect of the console
            self._soon(self._app._handle_exception, error)  # noqa: SLF001  # the one hook there is

    def _sigtstp_application(self, *_: object) -> None:
        self._asleep = True
        super()._sigtstp_application()

    def _sigcont_application(self, *_: object) -> None:
        """Takes the terminal again after a suspend. SIGCONT comes with a hang-up, too: then nothing was given up."""
        if self._asleep:
            self._asleep = False
            super()._sigcont_application()
        else:
            self._soon(self._repaint)


class EngineDriver(SheddingDriver):
    """For a console in whose process the engine runs: nothing the terminal does may stop it."""

    @property
    def can_suspend(self) -> bool:
        """Never: a stopped process monitors nothing."""
        return False

    def start_application_mode(self) -> None:
        """Takes the terminal. In the background, reading it then fails and settings can still be put back; neither stops us."""
        super().start_application_mode()
        signal.signal(signal.SIGTTIN, signal.SIG_IGN)
        signal.signal(signal.SIGTTOU, signal.SIG_IGN)

    def _sigtstp_application(self, *_: object) -> None:
        """Stays."""
