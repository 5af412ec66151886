"""Runs commands, each in a process group of its own, and leaves nothing of them behind."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import subprocess
from functools import partial
from pathlib import Path

import anyio
import anyio.abc
import msgspec

from sitescope_fo.model.ports import Clock

KEPT_BYTES = 64 * 1024
"""Of standard output and of standard error; the rest is read and dropped."""
MOST_BYTES = 4 * 1024 * 1024
"""A command that prints more is stopped: it would only keep the node busy."""
DYING_S = 2.0
"""How long a killed command may take to go."""
DRAIN_S = 0.5
"""How long output is awaited after the command has ended, while children of it hold the pipe."""
_PASSED_ON = ("PATH", "HOME", "USER", "LOGNAME", "TZ", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR")


class Finished(msgspec.Struct, frozen=True):
    """What a command did. `exit_code` is 128 + the number of the signal that ended it, if one did."""

    exit_code: int
    output: str
    errors: str
    duration_s: float


class _Output:
    """The first part of a stream, and its length."""

    def __init__(self) -> None:
        self.kept = bytearray()
        self.length = 0

    def add(self, data: bytes) -> None:
        self.length += len(data)
        self.kept += data[: KEPT_BYTES - len(self.kept)]
        if self.length > MOST_BYTES:
            raise OSError(errno.EFBIG, f"printed more than {MOST_BYTES} bytes and was stopped")

    def text(self) -> str:
        return self.kept.decode(errors="replace")


class Commands:
    """Runs commands, and remembers those that even SIGKILL does not end (they hang in the kernel, as on a dead NFS mount).

    For one event loop (asyncio).
    """

    def __init__(self) -> None:
        self._lingering: dict[tuple[str, ...], asyncio.Task[None]] = {}

    async def run(self, command: tuple[str, ...], *, folder: Path, clock: Clock) -> Finished:
        """Runs `command` without a shell, in `folder`, with a small environment in the C locale (plugins print decimal points).

        Cancelling kills the whole group at once, children that ignore SIGTERM too; one in a session of its own is out of reach.
        Raises OSError when the command cannot start or prints without end, TimeoutError while an earlier run of it lingers.
        """
        if command in self._lingering:
            raise TimeoutError
        started = clock.mono()
        environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ} | {"LC_ALL": "C"}
        process = await anyio.open_process(command, stdin=subprocess.DEVNULL, cwd=folder, env=environment, start_new_session=True)
        output, errors = _Output(), _Output()
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(_collect, process.stdout, output)
                group.start_soon(_collect, process.stderr, errors)
                code = await process.wait()
                group.cancel_scope.deadline = anyio.current_time() + DRAIN_S
        except BaseExceptionGroup as failed:
            raise failed.exceptions[0] from None
        finally:
            await self._end(command, process)
        return Finished(code if code >= 0 else 128 - code, output.text(), errors.text(), clock.mono() - started)

    async def _end(self, command: tuple[str, ...], process: anyio.abc.Process) -> None:
        _kill_group(process.pid)
        closing = asyncio.create_task(_close(process))
        with anyio.CancelScope(shield=True, deadline=anyio.current_time() + DYING_S):
            await asyncio.shield(closing)
        if not closing.done():
            self._lingering[command] = closing
            closing.add_done_callback(partial(self._ended, command))

    def _ended(self, command: tuple[str, ...], closing: asyncio.Task[None]) -> None:
        if self._lingering.get(command) is closing:  # another run of it may linger as well
            del self._lingering[command]


async def _close(process: anyio.abc.Process) -> None:
    await process.wait()  # before aclose, which cannot be cancelled: a stopping node must not wait for a hanging kernel
    await process.aclose()


async def _collect(stream: anyio.abc.ByteReceiveStream | None, output: _Output) -> None:
    if stream is not None:
        async for data in stream:
            output.add(data)


def _kill_group(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return  # the usual case: nothing of it is left
    except PermissionError:
        return  # it has made itself another user's; it ends when its pipes close, or lingers
