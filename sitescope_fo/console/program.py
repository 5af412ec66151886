"""The console with its engine: one process, Textual on the main thread, the engine on another, and a waiter in front of both."""

from __future__ import annotations

import faulthandler
import os
import signal
import threading

from sitescope_fo.console.crash import note_crash
from sitescope_fo.console.driver import EngineDriver
from sitescope_fo.console.embedded import EmbeddedClient
from sitescope_fo.console.host import EngineHost
from sitescope_fo.console.safe_app import SafeConsole
from sitescope_fo.console.signals import Signals
from sitescope_fo.console.stage import Stage
from sitescope_fo.console.taste import Taste
from sitescope_fo.console.terminal import INPUT, Terminal
from sitescope_fo.console.waiter import Leash
from sitescope_fo.console.watch import Watch
from sitescope_fo.model.config import OnHangup
from sitescope_fo.model.errors import Internal
from sitescope_fo.store.home import Home
from sitescope_fo.store.lock import acquire
from sitescope_fo.web.limits import STOP_LIMIT_S

CRASHED = Internal.exit_code
OVER = "over"
"""How the app ends when the engine has ended."""


class Program:
    """One console with its engine, from the fork to the end of the engine. On the main thread."""

    def __init__(
        self, home: Home, taste: Taste, *, slow: bool, read_only: bool, terminal: Terminal, leash: Leash, signals: Signals
    ) -> None:
        self._home, self._taste, self._slow, self._read_only = home, taste, slow, read_only
        self._terminal, self._leash = terminal, leash
        self._stage = Stage()
        self._host = EngineHost(home, self._engine_ended)
        ends = ((INPUT, "the terminal is gone"), (leash.fd, "the process that held the terminal is gone"))
        self._watch = Watch(signals, ends, on_signal=self._obey, on_hangup=self._hang_up)
        self._detached = False

    def run(self) -> int:
        """The exit code, when all is over. Raises Conflict when a node runs already, and what ended the engine."""
        lock = acquire(self._home)
        self._terminal.hush(self._home.error_log)
        self._watch.start()
        try:
            faulthandler.enable()
            word, code, said = self._show()
            self._terminal.settings_as_before()
            self._host.start()  # if the console did not get as far as that
            if word == "stop":
                self._stop("the console's word")
                self._terminal.say("The node is stopping")
            elif word != OVER and not self._host.over.is_set():
                self._detach(code, said)
            self._host.over.wait()
        finally:
            self._terminal.give_back()
            lock.release()
        if self._host.error is not None:
            raise self._host.error
        return 0

    def _show(self) -> tuple[str, int, str]:
        """Shows the console: the word it ended with, the exit code and the line for people if the engine goes on."""
        back = f"The node goes on in the background (pid {os.getpid()}). Come back with: sitescope-fo --home {self._home.root}"
        try:
            client = EmbeddedClient(self._host, str(self._home.root), read_only=self._read_only)
            app = SafeConsole(client, embedded=True, taste=self._taste, slow=self._slow, driver_class=EngineDriver)
            app.painted = self._host.start  # one interpreter: loading both at once, the screen would stay dark for longer
            word = self._stage.show(app, mouse=self._taste.mouse)
        except Exception as error:  # noqa: BLE001  # the console's supervisor: monitoring goes on without it
            self._terminal.reset()
            told = f"error: The console crashed ({note_crash(self._home, error)}). Details are in {self._home.error_log}"
            return "detach", CRASHED, f"{told}\n{back}"
        return word, 0, back

    def _detach(self, code: int, said: str) -> None:
        """Lets terminal and waiter go; the process goes on as a daemon would."""
        self._watch.forget_ends()
        self._detached = True
        self._terminal.say(said)
        self._terminal.let_go(self._home.error_log)
        os.setsid()
        self._host.note("the console has left, the node goes on without it")
        self._leash.slip(code)

    # --- from other threads -------------------------------------------------------------------------------------------

    def _obey(self, number: signal.Signals) -> None:
        if number != signal.SIGHUP:
            self._stop(number.name)
            self._stage.leave("stop")
        elif self._detached:
            self._host.reload()
        else:
            self._hang_up("SIGHUP")

    def _hang_up(self, why: str) -> None:
        if self._host.on_hangup is OnHangup.stop:
            self._stop(f"hang-up: {why}")
            self._stage.leave("stop")
        else:
            self._host.note(f"hang-up: {why}")
            self._stage.leave("detach")

    def _engine_ended(self) -> None:
        self._stage.leave(OVER)
        self._end_at_last(CRASHED if self._host.error is not None else 0)

    def _stop(self, by: str) -> None:
        self._host.stop(by)
        self._end_at_last(0)

    def _end_at_last(self, code: int) -> None:
        """Ends the process even when the console, a mail server or a disk hangs. By then all that must survive is written."""
        timer = threading.Timer(STOP_LIMIT_S, self._end, (code,))
        timer.daemon = True
        timer.start()

    def _end(self, code: int) -> None:
        if not self._detached:
            self._terminal.reset()
        os._exit(code)
