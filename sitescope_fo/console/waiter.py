"""The waiter: the process that the shell started and waits for, while its child does the work.

A console that detaches gives the shell its prompt back, and the engine in the same process goes on. A shell waits for the process
it started; threads do not survive a fork, and a new program would start the engine anew. So the fork comes first of all, before
any thread, and the one that stays behind does nothing but wait (docs/adr/0016-a-waiter-in-front-of-the-console.md).
"""

from __future__ import annotations

import os
import select
import signal
import sys
from collections.abc import Callable
from contextlib import suppress

from sitescope_fo.console.signals import Signals
from sitescope_fo.console.terminal import Terminal
from sitescope_fo.model.errors import Internal

HEARD = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""What a console obeys, and what its waiter passes on."""


class Leash:
    """The child's end of what ties it to its waiter."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        """Reports an error (poll) once the waiter is gone."""

    def slip(self, code: int) -> None:
        """The waiter ends with this exit code, and the child goes on without it."""
        with suppress(BrokenPipeError):
            os.write(self.fd, b"%d" % code)


def beside_a_waiter(work: Callable[[Leash, Signals], int], terminal: Terminal) -> int:
    """Runs `work` in a child in the same job; the exit code, for both processes.

    The waiter's is the child's, or the one the child slipped its leash with. Raises Internal (`killed`), in the waiter, when the
    child was killed; the terminal is then as before. No thread may run yet.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    reader, writer = os.pipe()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, HEARD)
    signal.signal(signal.SIGTSTP, signal.SIG_IGN)
    child = os.fork()
    signals = Signals(HEARD)
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
    if child:
        os.close(writer)
        return _wait(child, reader, signals, terminal)
    os.close(reader)
    return work(Leash(writer), signals)


def _wait(child: int, reader: int, signals: Signals, terminal: Terminal) -> int:
    poller = select.poll()
    poller.register(reader, select.POLLIN)
    poller.register(signals.fd, select.POLLIN)
    while True:
        ready = {fd for fd, _ in poller.poll()}
        if signals.fd in ready:
            for number in signals.read():
                os.kill(child, number)  # at worst a zombie: nobody but this process waits for it
        if reader in ready:
            word = os.read(reader, 16)
            if not word:
                return _code_of(child, terminal)
            if os.getpid() != 1:  # the first process of a container takes everything with it
                return int(word)


def _code_of(child: int, terminal: Terminal) -> int:
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code >= 0:
        return code
    terminal.reset()
    raise Internal(
        f"The node was ended by {signal.Signals(-code).name}",
        where=f"pid {child}",
        hint="Nothing is monitored here until it is started again",
        code="killed",
    )
