"""The daemon: a node with its doors, headless in the foreground until SIGTERM or SIGINT. SIGHUP reads the configuration again."""

from __future__ import annotations

import faulthandler
import gc
import os
import signal
import threading
from pathlib import Path

import anyio

from sitescope_fo.node.event_loop import wants_uvloop
from sitescope_fo.store.home import open_home
from sitescope_fo.store.lock import acquire
from sitescope_fo.web.faults import ending
from sitescope_fo.web.limits import STOP_LIMIT_S
from sitescope_fo.web.service import Service, run_service


def main(root: Path) -> int:
    """Runs the node of the home at `root` until it is told to stop. Raises SiteScopeError when it cannot start, or crashed."""
    gc.disable()  # until the heap that stays is built: see `_live`
    home = open_home(root)
    uvloop = wants_uvloop(os.environ)
    lock = acquire(home)
    faulthandler.enable()
    try:
        anyio.run(run_service, home, _obey_signals, backend="asyncio", backend_options={"use_uvloop": uvloop})
    except Exception as error:  # noqa: BLE001  # the supervisor of last resort: it says what broke, without locals, and ends
        raise ending(home, error) from None
    finally:
        lock.release()
    return 0


def _end_at_last() -> None:
    """Ends the process even when a thread still waits for a mail server or a disk. By then all that must survive is written."""
    timer = threading.Timer(STOP_LIMIT_S, os._exit, (0,))
    timer.daemon = True
    timer.start()


async def _obey_signals(service: Service) -> None:
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as signals:
        async for number in signals:
            if number == signal.SIGHUP:
                service.reload()
                continue
            _end_at_last()
            await service.stop(signal.Signals(number).name)
            return
