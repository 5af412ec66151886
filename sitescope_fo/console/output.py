"""What is on its way to the terminal. Writing never waits: when the terminal does not read, frames are dropped."""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable

FULL_BYTES = 32 * 1024
"""With more than this waiting, further frames are dropped: half a second of a 500 kbit/s line. More would only show the past."""
_CHUNK = 4096
_LOOK_AGAIN_MS = 250


class Output:
    """A queue of bytes and the thread that writes them to the non-blocking descriptor `fd`, which is its own from now on.

    `drained` is called, from that thread, when all was written after something had been dropped: the screen must be painted anew.
    """

    def __init__(self, fd: int, drained: Callable[[], None]) -> None:
        self._fd, self._drained = fd, drained
        self._pending = bytearray()
        self._change = threading.Condition()
        self._shedding = self._all = self._closed = self._gone = False
        self.dropped = 0
        """Writes that were dropped."""
        self._thread = threading.Thread(target=self._run, name="terminal output", daemon=True)
        self._thread.start()

    def write(self, text: str) -> None:
        """Puts text on its way, or drops it."""
        with self._change:
            if self._gone or self._closed:
                return
            if not self._all and (self._shedding or len(self._pending) > FULL_BYTES):
                self._shedding = True
                self.dropped += 1
                return
            self._pending += text.encode("utf-8", "replace")
            self._change.notify_all()

    def keep_all(self) -> None:
        """From now on nothing is dropped: what comes are the last words."""
        with self._change:
            self._all = True

    def close(self, patience_s: float) -> bool:
        """Gives what waits `patience_s` to leave, then ends. Whether all of it left."""
        with self._change:
            self._change.wait_for(lambda: not self._pending or self._gone, patience_s)
            done = not self._pending and not self._gone
            self._pending.clear()
            self._closed = True
            self._change.notify_all()
        self._thread.join()
        return done

    def _run(self) -> None:
        poller = select.poll()
        poller.register(self._fd, select.POLLOUT)
        while (chunk := self._next()) is not None:
            try:
                written = os.write(self._fd, chunk)
            except BlockingIOError:
                poller.poll(_LOOK_AGAIN_MS)
            except OSError:
                self._vanished()
            else:
                self._wrote(written)
        os.close(self._fd)

    def _next(self) -> bytes | None:
        with self._change:
            self._change.wait_for(lambda: self._pending or self._closed)
            return None if self._closed else bytes(self._pending[:_CHUNK])

    def _wrote(self, count: int) -> None:
        with self._change:
            del self._pending[:count]
            if self._pending:
                return
            again = self._shedding
            self._shedding = False
            self._change.notify_all()
        if again:
            self._drained()

    def _vanished(self) -> None:
        """The terminal is gone. Who watches it ends the console; here everything is swallowed until then."""
        with self._change:
            self._gone = True
            self._pending.clear()
            self._change.notify_all()
