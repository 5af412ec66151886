"""Runs commands, each in a process group of its own, and leaves nothing of them behind.

The end of a process is seen through a pidfd (Linux 5.3), so no signal handler, thread or child watcher of the loop takes part.
"""

from __future__ import annotations

import asyncio
import errno
import os
import signal
from collections.abc import Callable, Mapping
from functools import cached_property, partial

import msgspec

from sitescope_fo.model.ports import Clock
from sitescope_fo.monitors.readiness import Readiness
from sitescope_fo.monitors.spawn import Surroundings, spawn

KEPT_BYTES = 64 * 1024
"""Of standard output and of standard error; the rest is read and dropped."""
MOST_BYTES = 4 * 1024 * 1024
"""A command that prints more is stopped: it would only keep the node busy."""
GRACE_S = 0.5
"""From SIGTERM to SIGKILL."""
DYING_S = 2.0
"""How long closing waits for killed commands to go."""
DRAIN_S = 0.5
"""How long output is awaited after the command has ended, while children of it hold the pipe."""
UNWATCHED_S = 0.02
"""Output is first read at the end or about this time after the start: most plugins end sooner, and a pipe holds 64 KiB."""
_READ_BYTES = 32 * 1024
_BURST = 8  # reads of one stream in one turn of the loop
_REAPED_BY_OTHERS = 255
_PASSED_ON = ("PATH", "HOME", "USER", "LOGNAME", "TZ", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR")


class Finished(msgspec.Struct, frozen=True):
    """What a command did. `exit_code` is 128 + the number of the signal that ended it, if one did."""

    exit_code: int
    output: str
    errors: str
    duration_s: float


class Commands:
    """Runs commands, and remembers those that are killed and not gone yet: some hang in the kernel, as on a dead NFS mount.

    For one event loop (asyncio or uvloop).
    """

    def __init__(self) -> None:
        self._running: set[_Run] = set()
        self._dying: dict[tuple[str, ...], _Run] = {}
        self._readiness = Readiness()
        self._looking = False
        self._last_gone: asyncio.Future[None] | None = None

    async def run(
        self, command: tuple[str, ...], *, folder: str, clock: Clock, variables: Mapping[str, str] | None = None
    ) -> Finished:
        """Runs `command` without a shell, in `folder`, with a small environment in the C locale (plugins print decimal points).

        Cancelling ends the whole group: SIGTERM at once, SIGKILL GRACE_S later; a process in a session of its own is out of
        reach. The caller does not wait for that. `variables` are added to the environment.
        Raises OSError when the command cannot start or prints without end, TimeoutError while an earlier run of it lingers.
        """
        if command in self._dying:
            raise TimeoutError
        started = clock.mono()
        surroundings = Surroundings({**self._variables, **variables}) if variables else self._surroundings
        self._readiness.open()
        run = _Run(command, surroundings, folder, self._readiness, self._gone)
        self._running.add(run)
        if not self._looking:
            self._looking = True
            asyncio.get_running_loop().call_later(UNWATCHED_S, self._look)
        try:
            code = await run.over
        finally:
            if not run.gone:
                self._dying[command] = run
                run.abandon()
        return Finished(code, run.output.text(), run.errors.text(), clock.mono() - started)

    async def aclose(self) -> None:
        """Kills what still runs, and waits DYING_S at most for it to go; its checks end as they would, or are cancelled."""
        for run in self._running:
            run.kill()
        if self._running:
            self._last_gone = asyncio.get_running_loop().create_future()
            await asyncio.wait([self._last_gone], timeout=DYING_S)
        for run in list(self._running):
            run.forget()
        self._readiness.close()

    def _look(self) -> None:
        """One timer for all: a timer for each would cost more than the look."""
        self._looking = False
        for run in self._running:
            run.watch_output()

    def _gone(self, run: _Run) -> None:
        self._running.discard(run)
        if self._dying.get(run.command) is run:  # another run of it may linger as well
            del self._dying[run.command]
        if not self._running and self._last_gone is not None and not self._last_gone.done():
            self._last_gone.set_result(None)

    @cached_property
    def _variables(self) -> dict[str, str]:
        return {name: os.environ[name] for name in _PASSED_ON if name in os.environ} | {"LC_ALL": "C"}

    @cached_property
    def _surroundings(self) -> Surroundings:
        return Surroundings(self._variables)


class _Stream:
    """The reading end of a pipe: the first part of what came, and how much that was."""

    def __init__(self, reader: int) -> None:
        self.reader = reader
        self.watched = False
        self.ended = False
        self.kept = bytearray()
        self.length = 0

    def read(self) -> None:
        """Takes what is there. Raises OSError when that was too much."""
        for _ in range(_BURST):
            try:
                data = os.read(self.reader, _READ_BYTES)
            except BlockingIOError:
                return
            if not data:
                self.ended = True
                return
            self.length += len(data)
            self.kept += data[: KEPT_BYTES - len(self.kept)]
            if self.length > MOST_BYTES:
                raise OSError(errno.EFBIG, f"printed more than {MOST_BYTES} bytes and was stopped")

    def text(self) -> str:
        return self.kept.decode(errors="replace")


class _Run:
    """One process, from its start until it is reaped (`gone`). `over` gives its exit code."""

    def __init__(
        self,
        command: tuple[str, ...],
        surroundings: Surroundings,
        folder: str,
        readiness: Readiness,
        on_gone: Callable[[_Run], None],
    ) -> None:
        self.command = command
        self.gone = False
        self._readiness = readiness
        self._on_gone = on_gone
        self._loop = asyncio.get_running_loop()
        self._exited = False
        self._timer: asyncio.TimerHandle | None = None
        self.output, self.errors, self._pid, self._pidfd = _start(command, surroundings, folder)
        self.over: asyncio.Future[int] = self._loop.create_future()
        self._readiness.watch(self._pidfd, self._on_exit)

    def abandon(self) -> None:
        """Nobody waits for it any more: it is asked to end, then made to. Until then it may still print."""
        if self._exited:
            self._reap()
        else:
            self.watch_output()
            _signal_group(self._pid, signal.SIGTERM)
            self._in(GRACE_S, self.kill)

    def kill(self) -> None:
        """SIGKILL to the whole group."""
        _signal_group(self._pid, signal.SIGKILL)

    def forget(self) -> None:
        """Lets go of a process that does not go, so that the loop can close."""
        self._let_go()
        self.over.cancel()

    def _in(self, seconds: float, act: Callable[[], None]) -> None:
        """One thing at a time is planned."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(seconds, act)

    def watch_output(self) -> None:
        """Reads output as it comes, from now on."""
        for stream in (self.output, self.errors):
            if not stream.ended and not stream.watched and stream.reader >= 0:
                stream.watched = True
                self._readiness.watch(stream.reader, partial(self._on_output, stream))

    def _on_output(self, stream: _Stream) -> None:
        try:
            stream.read()
        except OSError as error:
            self._failed(error)
            return
        if stream.ended:
            self._unwatch(stream)
            if self._exited and self.output.ended and self.errors.ended:
                self._finish()

    def _on_exit(self) -> None:
        self._exited = True
        self._readiness.leave(self._pidfd)
        if self.over.done():
            self._reap()
            return
        try:
            self.output.read()
            self.errors.read()
        except OSError as error:
            self._failed(error)
            return
        if self.output.ended and self.errors.ended:
            self._finish()
        else:  # a child holds the pipe, or there is more to read
            self.watch_output()
            self._in(DRAIN_S, self._finish)

    def _failed(self, error: OSError) -> None:
        self._close_streams()
        if not self.over.done():
            self.over.set_exception(error)
            self.over.exception()  # marks it as seen: the check may be cancelled before it looks

    def _finish(self) -> None:
        code = self._reap()
        if not self.over.done():
            self.over.set_result(code)

    def _reap(self) -> int:
        """Its exit code. The group goes first: while its leader is not reaped, nobody else can have that number."""
        _signal_group(self._pid, signal.SIGKILL)
        try:
            found = os.waitid(os.P_PID, self._pid, os.WEXITED | os.WNOHANG)
        except ChildProcessError:
            found = None
        self._let_go()
        if found is None:
            return _REAPED_BY_OTHERS
        return found.si_status if found.si_code == os.CLD_EXITED else 128 + found.si_status

    def _let_go(self) -> None:
        if self.gone:
            return
        self.gone = True
        self._close_streams()
        if self._timer is not None:
            self._timer.cancel()
        if not self._exited:
            self._readiness.leave(self._pidfd)
        os.close(self._pidfd)
        self._on_gone(self)

    def _close_streams(self) -> None:
        for stream in (self.output, self.errors):
            self._unwatch(stream)
            if stream.reader >= 0:
                os.close(stream.reader)
                stream.reader = -1

    def _unwatch(self, stream: _Stream) -> None:
        if stream.watched:
            stream.watched = False
            self._readiness.leave(stream.reader)


def _start(command: tuple[str, ...], surroundings: Surroundings, folder: str) -> tuple[_Stream, _Stream, int, int]:
    """Standard output, standard error, id and pidfd of the new process. Raises OSError, and then nothing stays open."""
    opened: list[int] = []
    try:
        opened += os.pipe()
        opened += os.pipe()
        output, output_end, errors, errors_end = opened
        os.set_blocking(output, False)
        os.set_blocking(errors, False)
        pid = spawn(command, surroundings, folder=folder, output=output_end, errors=errors_end)
        try:
            pidfd = os.pidfd_open(pid)
        except OSError:
            _signal_group(pid, signal.SIGKILL)
            os.waitid(os.P_PID, pid, os.WEXITED)
            raise
    except OSError:
        for number in opened:
            os.close(number)
        raise
    os.close(output_end)
    os.close(errors_end)
    return _Stream(output), _Stream(errors), pid, pidfd


def _signal_group(group: int, number: signal.Signals) -> None:
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return  # nothing of it is left
    except PermissionError:
        return  # it has made itself another user's; it ends when its pipes close, or lingers
