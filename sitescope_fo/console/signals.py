"""Signals as something to poll for.

A handler of Python runs on the main thread, between two steps of whatever that does; the byte that the interpreter writes for
each signal comes at once. So a thread that polls for it hears SIGTERM while the main thread hangs on a terminal.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable
from types import FrameType


class Signals:
    """From now on the signals `numbers` do nothing but make `fd` readable. One of them a process, made on the main thread."""

    def __init__(self, numbers: Iterable[signal.Signals]) -> None:
        self._numbers = frozenset(numbers)
        self.fd, self._written = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(self._written, warn_on_full_buffer=False)
        for number in self._numbers:
            signal.signal(number, heard)

    def read(self) -> list[signal.Signals]:
        """Those that came since the last call, in order."""
        try:
            found = os.read(self.fd, 256)
        except BlockingIOError:
            return []
        return [signal.Signals(number) for number in found if number in self._numbers]


def heard(number: int, frame: FrameType | None) -> None:
    """A handler that does nothing. Unlike SIG_IGN it does not pass on to programs that this process starts."""
