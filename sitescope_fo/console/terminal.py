"""The terminal a console borrows: how it was before, and how it gets back to that whatever happened meanwhile."""

from __future__ import annotations

import os
import select
import signal
import sys
import termios
from contextlib import suppress
from pathlib import Path

from sitescope_fo.model.errors import Refused

INPUT, OUTPUT, ERRORS = 0, 1, 2

RESTORE = (
    b"\x18"  # ends an escape sequence that was cut in the middle
    b"\x1b[?2026l"  # paint at once
    b"\x1b[?2004l\x1b[?7h\x1b[?2048l"  # no bracketed paste, wrap lines, no reports of the size
    b"\x1b[?1000l\x1b[?1003l\x1b[?1015l\x1b[?1006l\x1b[?1016l\x1b[?1004l"  # no reports of mouse and focus
    b"\x1b[<u"  # plain keys
    b"\x1b[?1049l\x1b[?25h\x1b[0m"  # the main screen, the cursor, no colour
)
"""What makes a terminal usable again that a full-screen program left behind."""


def reopened(fd: int) -> int:
    """A descriptor of the same terminal that never blocks.

    Of its own: O_NONBLOCK on the one we were given would hold for the shell and everybody else who shares it. Where the device
    may not be opened (after `su`), the controlling terminal does; where that fails too, a plain copy, which may block. Raises
    OSError when `fd` is no open file.
    """
    for path in (f"/proc/self/fd/{fd}", "/dev/tty"):
        with suppress(OSError):
            return os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    return os.dup(fd)


def reset_screen(fd: int) -> None:
    """Writes RESTORE to a terminal, even to one that nobody reads: what waits on the way to it is thrown away."""
    with suppress(OSError, termios.error):
        termios.tcflush(fd, termios.TCOFLUSH)
    with suppress(OSError):
        aside = reopened(fd)
        try:
            _write_if_it_takes(aside, RESTORE)
        finally:
            os.close(aside)


def _write_if_it_takes(fd: int, data: bytes) -> None:
    poller = select.poll()
    poller.register(fd, select.POLLOUT)
    while data and any(event & select.POLLOUT for _, event in poller.poll(100)):
        data = data[os.write(fd, data) :]


class Terminal:
    """The terminal on standard input, as it is now. Everything here is for any thread, and quiet when the terminal is gone."""

    def __init__(self) -> None:
        """Waits for the foreground. Raises Refused when the terminal belongs to another job and nobody can give it to us."""
        _come_to_the_front()
        self._before = termios.tcgetattr(INPUT)
        self._kept: tuple[int, int] | None = None

    def hush(self, log: Path | None) -> None:
        """Standard output and error go to `log`, or nowhere: what libraries and crashes print must not land on the screen."""
        sys.stdout.flush()
        sys.stderr.flush()
        self._kept = os.dup(OUTPUT), os.dup(ERRORS)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        try:
            aside = os.open(log or os.devnull, flags, 0o600)
        except OSError:  # a full disk is no reason not to monitor
            aside = os.open(os.devnull, flags)
        os.dup2(aside, OUTPUT)
        os.dup2(aside, ERRORS)
        os.close(aside)

    def give_back(self) -> None:
        """Settings as before; standard output and error are the terminal again."""
        self.settings_as_before()
        if self._kept is not None:
            sys.stdout.flush()
            sys.stderr.flush()
            for kept, fd in zip(self._kept, (OUTPUT, ERRORS), strict=True):
                os.dup2(kept, fd)
                os.close(kept)
            self._kept = None

    def reset(self) -> None:
        """Settings and screen as before, from whatever state, even when nobody reads."""
        self.settings_as_before()
        reset_screen(INPUT)

    def let_go(self, log: Path) -> None:
        """Nothing of this process holds the terminal any more; what it prints goes to `log`."""
        if self._kept is None:
            self.hush(log)
        for fd in self._kept or ():
            os.close(fd)
        self._kept = None
        nothing = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        os.dup2(nothing, INPUT)
        os.close(nothing)

    def say(self, line: str) -> None:
        """A line for people, unless that would have to wait."""
        with suppress(OSError):
            aside = reopened(INPUT)
            try:
                _write_if_it_takes(aside, f"{line}\n".encode())
            finally:
                os.close(aside)

    def settings_as_before(self) -> None:
        """How it treats keys and lines."""
        with suppress(termios.error, OSError):
            termios.tcsetattr(INPUT, termios.TCSANOW, self._before)


def _come_to_the_front() -> None:
    """Stops, as a job does that wants the terminal from the background, until the shell gives it (`fg`)."""
    if _in_front():
        return
    os.killpg(os.getpgrp(), signal.SIGTTOU)
    if not _in_front():
        raise Refused(
            "The terminal belongs to another job",
            where="standard input",
            hint="Start the console in the foreground, or the node alone with --daemon",
            code="no_foreground",
        )


def _in_front() -> bool:
    try:
        return os.tcgetpgrp(INPUT) == os.getpgrp()
    except OSError:  # not our controlling terminal: there are no jobs
        return True
