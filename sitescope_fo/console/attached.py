"""The console of a node that runs in another process: it comes and goes, the node stays."""

from __future__ import annotations

import os
import signal
import threading

from sitescope_fo.console import collector
from sitescope_fo.console.driver import SheddingDriver
from sitescope_fo.console.letters import as_given
from sitescope_fo.console.node_client import NodeClient
from sitescope_fo.console.safe_app import SafeConsole
from sitescope_fo.console.signals import Signals
from sitescope_fo.console.stage import Goodbye, Stage
from sitescope_fo.console.taste import taste_for
from sitescope_fo.console.terminal import INPUT, Terminal
from sitescope_fo.console.waiter import HEARD
from sitescope_fo.console.watch import Watch

LEAVE_LIMIT_S = 3.0


def attached(
    client: NodeClient, kind: type[SafeConsole] = SafeConsole, *, slow: bool = False, hint: str = "", last: Goodbye | None = None
) -> int:
    """Shows the console of the node behind `client`, which is then told goodbye by `last`, else only let go.

    The exit code. Raises what the console crashed with.
    """
    terminal, stage = Terminal(), Stage()
    taste = taste_for(as_given())

    def leave(_: object) -> None:
        stage.leave("quit")
        last = threading.Timer(LEAVE_LIMIT_S, _end, (terminal,))
        last.daemon = True
        last.start()

    terminal.hush(None)
    try:
        Watch(Signals(HEARD), ((INPUT, "the terminal is gone"),), on_signal=leave, on_hangup=leave).start()
        app = kind(client, embedded=False, taste=taste, slow=slow, driver_class=SheddingDriver, hint=hint)
        app.painted = collector.begin
        stage.show(app, mouse=taste.mouse, last=last or client.aclose)
    except Exception:
        terminal.reset()
        raise
    finally:
        terminal.give_back()
    return 0


def _end(terminal: Terminal) -> None:
    """Ends the process although the console hangs. There is nothing to lose: the node is elsewhere."""
    terminal.reset()
    os._exit(128 + signal.SIGTERM)
