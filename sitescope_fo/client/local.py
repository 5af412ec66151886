"""The command line's way to a running daemon: HTTP over its unix socket, synchronous.

Uses http.client because a command should start at once: importing it costs 18 ms of CPU time on top of the interpreter,
httpx 89 ms (best of three each, 2 cores, Python 3.11).
"""

from __future__ import annotations

import http.client
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

import msgspec

from sitescope_fo.model.command import CommandReply, CommandRequest
from sitescope_fo.model.errors import ErrorBody, Internal, Refused, Unreachable, from_body
from sitescope_fo.model.service import READ_ONLY
from sitescope_fo.security.local_socket import find_local, not_running
from sitescope_fo.store.home import Home

T = TypeVar("T")

QUERY_S = 20.0
_SPARE_S = 10.0
_FOLLOW_S = 1.0


class LocalClient:
    """Asks the daemon of one home. Each call is a connection of its own; nothing has to be closed.

    With `read_only` the node refuses every command (`read_only`).
    """

    def __init__(self, home: Home | Path, *, read_only: bool = False) -> None:
        self._home = home if isinstance(home, Home) else Home(home)
        self._headers = {READ_ONLY: "1"} if read_only else {}

    def query(self, name: str, params: Mapping[str, str] | None = None, *, timeout_s: float = QUERY_S) -> Any:  # noqa: ANN401  # JSON
        """The answer of a query, as JSON values.

        Raises Unreachable (`not_running`, `timeout`, `reset`), Refused (`not_owner`, `not_found`), and the node's own errors.
        """
        target = f"/api/v1/{quote(name, safe='')}" + (f"?{urlencode(params)}" if params else "")
        return _decode(self._exchange("GET", target, b"", timeout_s), Any)

    def command(self, request: CommandRequest, *, progress: Callable[[CommandReply], None] | None = None) -> CommandReply:
        """Submits a command and follows it to its end; `progress` gets every news of one that takes longer than `request.wait_s`.

        The outcome (done, refused, failed) and its error stand in the reply. Raises as `query`.
        """
        body = msgspec.json.encode(request)
        reply = _decode(self._exchange("POST", "/api/v1/commands", body, request.wait_s + _SPARE_S), CommandReply)
        while reply.outcome == "running":
            if progress is not None:
                progress(reply)
            target = f"/api/v1/commands/{quote(request.id, safe='')}?wait={_FOLLOW_S:g}"
            reply = _decode(self._exchange("GET", target, b"", _FOLLOW_S + _SPARE_S), CommandReply)
        return reply

    def _exchange(self, method: str, target: str, body: bytes, timeout_s: float) -> bytes:
        where = str(self._home.root)
        connection = _UnixConnection(find_local(self._home), timeout_s)
        headers = self._headers | ({"content-type": "application/json"} if body else {})
        try:
            with suppress(BrokenPipeError):  # a node that refuses a body answers before it has read all of it
                connection.request(method, target, body or None, headers)
            response = connection.getresponse()
            data = response.read()
        except (FileNotFoundError, ConnectionRefusedError) as error:
            raise not_running(self._home) from error
        except PermissionError as error:
            raise Refused(
                "The node of this home belongs to another user",
                where=where,
                hint="Run the command as the user that owns the home, or as root",
                code="not_owner",
            ) from error
        except TimeoutError as error:
            raise Unreachable(
                f"The node did not answer within {timeout_s:g} s",
                where=where,
                hint="Its process may be stopped or overloaded: see logs/error.log",
                code="timeout",
            ) from error
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(
                f"The node broke the connection off: {error}",
                where=where,
                hint="It may just have stopped: ask again",
                code="reset",
            ) from error
        finally:
            connection.close()
        if response.status >= 400:
            raise from_body(_decode(data, ErrorBody))
        return data


class _UnixConnection(http.client.HTTPConnection):
    """http.client over a unix socket."""

    def __init__(self, path: Path, timeout_s: float) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        """Connects to the socket instead of a host."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def _decode(data: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.MsgspecError as error:
        raise Internal(
            f"The node's answer cannot be read: {error}", hint="Are node and command line of the same version?"
        ) from error
