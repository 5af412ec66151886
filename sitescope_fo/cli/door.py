"""The one way from a command to a node: the running daemon's socket, or the files of a stopped node under its lock."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from sitescope_fo.model.command import AnyCommand, CommandReply, CommandRequest
from sitescope_fo.model.errors import Refused, Unreachable
from sitescope_fo.model.query import OFFLINE_QUERIES
from sitescope_fo.store.home import Home, open_home
from sitescope_fo.store.lock import holder

FIRST_WAIT_S = 1.0
"""What takes longer shows its progress."""

Progress = Callable[[CommandReply], None]


class Door(Protocol):
    """What a command may ask of a node, running or not."""

    def query(self, name: str, params: Mapping[str, str]) -> Any:  # noqa: ANN401  # any JSON value
        """The answer of a query. Raises SiteScopeError."""
        ...

    def command(self, body: AnyCommand, on_progress: Progress) -> CommandReply:
        """Carries a command out to its end. Raises SiteScopeError when it cannot be asked; its outcome is in the reply."""
        ...


class Client(Protocol):
    """Who speaks to the node behind a door: the socket's client, or the stopped node's own files."""

    def query(self, name: str, params: dict[str, str]) -> Any:  # noqa: ANN401  # any JSON value
        """As `Door.query`."""
        ...

    def command(self, request: CommandRequest, *, progress: Progress | None = None) -> CommandReply:
        """As `Door.command`, for a request with an id."""
        ...


class RunningDoor:
    """The door of a running daemon. One that holds the lock and has no socket is Unreachable (`not_ready`)."""

    def __init__(self, client: Client, home: Home, pid: int) -> None:
        self._client = client
        self._home = home
        self._pid = pid

    def query(self, name: str, params: Mapping[str, str]) -> Any:  # noqa: ANN401  # any JSON value
        """Asks the daemon."""
        try:
            return self._client.query(name, dict(params))
        except Unreachable as error:
            raise self._told(error) from error

    def command(self, body: AnyCommand, on_progress: Progress) -> CommandReply:
        """Asks the daemon, with a fresh id."""
        try:
            return self._client.command(_request(body), progress=on_progress)
        except Unreachable as error:
            raise self._told(error) from error

    def _told(self, error: Unreachable) -> Unreachable:
        if error.code != "not_running":
            return error
        return Unreachable(
            f"The node runs (pid {self._pid or 'unknown'}) but nobody answers on its command socket",
            where=str(self._home.socket),
            hint="It may be starting or stopping: try again in some seconds; if it stays so, read logs/error.log",
            code="not_ready",
        )


class StoppedDoor:
    """The door of a node that does not run: configuration only. Everything else is Unreachable (`not_running`)."""

    def __init__(self, home: Home, *, read_only: bool) -> None:
        self._home = home
        self._read_only = read_only

    def query(self, name: str, params: Mapping[str, str]) -> Any:  # noqa: ANN401  # any JSON value
        """Reads the files, for the queries they can answer."""
        if name not in OFFLINE_QUERIES:
            raise _not_running(self._home)
        return self._client().query(name, dict(params))

    def command(self, body: AnyCommand, on_progress: Progress) -> CommandReply:
        """Edits the files, for the commands that only do that."""
        if not body.offline and not self._read_only:
            raise _not_running(self._home)
        return self._client().command(_request(body), progress=on_progress)

    def _client(self) -> Client:
        from sitescope_fo.node.offline import OfflineDoor

        return OfflineDoor(self._home, read_only=self._read_only)


def open_door(root: Path, *, read_only: bool = False) -> Door:
    """The door of the home at `root`. With `read_only` every command is refused there (`read_only`).

    The lock says whether a node runs; a socket or a pid that a dead process left behind says nothing. Raises what `open_home`
    raises, and Refused (`not_owner`) when the home belongs to somebody else.
    """
    home = open_home(root)
    try:
        pid = holder(home)
    except PermissionError as error:
        raise Refused(
            "The node of this home belongs to another user",
            where=str(error.filename or home.run),
            hint="Run the command as the user that owns the home, or as root",
            code="not_owner",
        ) from error
    except OSError as error:
        raise Refused(
            f"The lock of this home cannot be read: {error.strerror}",
            where=str(home.lock),
            hint="It is a plain file that the node makes; remove what stands in its place",
            code="lock_unreadable",
        ) from error
    if pid is None:
        return StoppedDoor(home, read_only=read_only)
    from sitescope_fo.client.local import LocalClient

    return RunningDoor(LocalClient(home, read_only=read_only), home, pid)


def _not_running(home: Home) -> Unreachable:
    from sitescope_fo.security.local_socket import not_running

    return not_running(home)


def _request(body: AnyCommand) -> CommandRequest:
    return CommandRequest(id=uuid.uuid4().hex, body=body, wait_s=FIRST_WAIT_S)
