"""The watch: a thread that notices signals, a terminal that vanished and a waiter that died, whatever the console is doing."""

from __future__ import annotations

import select
import signal
import threading
from collections.abc import Callable, Iterable

from sitescope_fo.console.signals import Signals


class Watch:
    """Calls, from its thread, `on_signal` for each signal and `on_hangup` with what happened for each of `ends` that is gone.

    `ends`: descriptor -> what its end means, such as "the terminal is gone".
    """

    def __init__(
        self,
        signals: Signals,
        ends: Iterable[tuple[int, str]],
        *,
        on_signal: Callable[[signal.Signals], None],
        on_hangup: Callable[[str], None],
    ) -> None:
        self._signals = signals
        self._ends = dict(ends)
        self._on_signal, self._on_hangup = on_signal, on_hangup

    def start(self) -> None:
        """Watches until the process ends."""
        threading.Thread(target=self._run, name="watch", daemon=True).start()

    def forget_ends(self) -> None:
        """From now on only signals matter."""
        self._ends = {}

    def _run(self) -> None:
        poller = select.poll()
        poller.register(self._signals.fd, select.POLLIN)
        for fd in self._ends:
            poller.register(fd, 0)  # POLLHUP and POLLERR are always told
        while True:
            ready = [fd for fd, _ in poller.poll()]
            for fd in ready:
                if fd == self._signals.fd:
                    for number in self._signals.read():
                        self._on_signal(number)
                else:
                    poller.unregister(fd)
                    if why := self._ends.get(fd):
                        self._on_hangup(why)
