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
from typing import Any

import msgspec

from sitescope_fo.client.exchange import (
    COMMANDS,
    QUERY_S,
    SPARE_S,
    broken_off,
    decode,
    follow_target,
    late,
    not_owner,
    query_target,
)
from sitescope_fo.model.command import CommandReply, CommandRequest
from sitescope_fo.model.errors import ErrorBody, from_body
from sitescope_fo.model.service import READ_ONLY
from sitescope_fo.security.local_socket import find_local, not_running
from sitescope_fo.store.home import Home

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
        return decode(self._exchange("GET", query_target(name, params), b"", timeout_s), Any)

    def command(self, request: CommandRequest, *, progress: Callable[[CommandReply], None] | None = None) -> CommandReply:
        """Submits a command and follows it to its end; `progress` gets every news of one that takes longer than `request.wait_s`.

        The outcome (done, refused, failed) and its error stand in the reply. Raises as `query`.
        """
        body = msgspec.json.encode(request)
        reply = decode(self._exchange("POST", COMMANDS, body, request.wait_s + SPARE_S), CommandReply)
        while reply.outcome == "running":
            if progress is not None:
                progress(reply)
            target = follow_target(request.id, _FOLLOW_S)
            reply = decode(self._exchange("GET", target, b"", _FOLLOW_S + SPARE_S), CommandReply)
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
            raise not_owner(where) from error
        except TimeoutError as error:
            raise late(where, timeout_s) from error
        except (OSError, http.client.HTTPException) as error:
            raise broken_off(where, error) from error
        finally:
            connection.close()
        if response.status >= 400:
            raise from_body(decode(data, ErrorBody))
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
