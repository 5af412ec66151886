"""The listeners of a node, inside the caller's task group and on its loop (asyncio).

uvicorn gives the protocol and its configuration. `uvicorn.Server` itself is not used: it takes over the process's signals,
wakes ten times a second, and gives a TLS handshake 60 s.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import anyio
from anyio.abc import TaskStatus
from starlette.types import ASGIApp
from uvicorn.config import Config

from sitescope_fo.model.errors import Conflict, Refused, Usage
from sitescope_fo.web.connection import Connection, Crowd, NoCancelledRequests
from sitescope_fo.web.limits import Limits

_BACKLOG = 256
_ABORT_S = 0.2
_NO_FAMILY = {errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL, errno.EPROTONOSUPPORT}


def bind_tcp(bind: str, port: int) -> socket.socket:
    """A listening TCP socket on the address `bind`; port 0 takes a free one.

    Raises Conflict (`port_in_use`), Refused (`port_forbidden`, below 1024), Usage (`bad_bind`, no address of this machine).
    """
    family = socket.AF_INET6 if ":" in bind else socket.AF_INET
    try:
        # asyncio turns Nagle's algorithm off only where the protocol is named: 1 ms a request instead of 44.
        sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    except OSError as error:
        raise _bad_bind(bind, error) from error
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((bind, port))
        sock.listen(_BACKLOG)
        sock.setblocking(False)
    except OSError as error:
        sock.close()
        if error.errno == errno.EADDRINUSE:
            raise Conflict(
                f"Port {port} is in use",
                where=f"{bind}:{port}",
                hint=f"See who holds it with `ss -ltnp 'sport = :{port}'`, or take another: `config set port N`",
                code="port_in_use",
            ) from error
        if error.errno == errno.EACCES:
            raise Refused(
                f"Port {port} needs root",
                where=f"{bind}:{port}",
                hint="Take a port of 1024 or above: `config set port N`",
                code="port_forbidden",
            ) from error
        raise _bad_bind(bind, error) from error
    return sock


def bind_all(binds: Sequence[str], port: int) -> tuple[socket.socket, ...]:
    """One socket an address, all on the same port (with port 0, the one the first got).

    An address family this machine does not have is left out as long as another address is left. Raises as `bind_tcp`.
    """
    socks: list[socket.socket] = []
    missing: Usage | None = None
    try:
        for bind in binds:
            try:
                socks.append(bind_tcp(bind, port))
            except Usage as error:
                cause = error.__cause__
                if not (isinstance(cause, OSError) and cause.errno in _NO_FAMILY):
                    raise
                missing = error
            else:
                port = socks[-1].getsockname()[1]
        if not socks:
            raise missing or Usage("No address to listen on", hint="`config set bind 0.0.0.0`", code="bad_bind")
    except (Conflict, Refused, Usage):
        for sock in socks:
            sock.close()
        raise
    return tuple(socks)


def _bad_bind(bind: str, error: OSError) -> Usage:
    return Usage(
        f"Cannot listen on '{bind}': {error.strerror or error}",
        where="bind",
        hint="Give an IP address of this machine, or 0.0.0.0 and :: for all",
        code="bad_bind",
    )


@dataclass(frozen=True, slots=True)
class Listener:
    """Bound sockets, what is served on them, and TLS when it is to be."""

    sockets: tuple[socket.socket, ...]
    app: ASGIApp
    tls: ssl.SSLContext | None = None


class WebServer:
    """Serves listeners until it is stopped or cancelled, then closes them within one second.

    The sockets are the server's from then on.
    """

    def __init__(self, listeners: Sequence[Listener], *, limits: Limits | None = None) -> None:
        self._listeners = tuple(listeners)
        self._limits = limits or Limits()
        self._stop = anyio.Event()

    def stop(self) -> None:
        """Asks `serve` to end: no new connections, running requests get `limits.stop_s`."""
        self._stop.set()

    async def serve(self, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
        """Accepts connections; `await group.start(server.serve)` returns when it does."""
        logger = logging.getLogger("uvicorn.error")
        quiet = NoCancelledRequests()
        logger.addFilter(quiet)
        crowds: list[Crowd] = []
        servers: list[asyncio.Server] = []
        try:
            for listener in self._listeners:
                crowds.append(Crowd(self._limits))
                servers += await self._listen(listener, crowds[-1])
            task_status.started()
            await self._stop.wait()
        finally:
            for server in servers:
                server.close()
            for listener in self._listeners:
                for sock in listener.sockets:
                    sock.close()
            with anyio.CancelScope(shield=True):
                async with anyio.create_task_group() as group:
                    for crowd in crowds:
                        group.start_soon(self._dismiss, crowd)
            logger.removeFilter(quiet)

    async def _listen(self, listener: Listener, crowd: Crowd) -> list[asyncio.Server]:
        config = Config(
            cast("Any", listener.app),
            http=Connection,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=cast("int", self._limits.keep_alive_s),  # only ever given to loop.call_later
            h11_max_incomplete_event_size=self._limits.header_bytes,
        )
        config.load()
        loop = asyncio.get_running_loop()
        handshake_s = None if listener.tls is None else self._limits.header_s
        return [
            await loop.create_server(
                lambda: Connection(config, crowd),
                sock=sock,
                ssl=listener.tls,
                backlog=_BACKLOG,
                ssl_handshake_timeout=handshake_s,
                ssl_shutdown_timeout=None if listener.tls is None else _ABORT_S,
            )
            for sock in listener.sockets
        ]

    async def _dismiss(self, crowd: Crowd) -> None:
        """Ends connections: idle ones at once, the others after their answer or after `stop_s`."""
        for connection in list(crowd.state.connections):
            connection.shutdown()
        await _emptied(crowd, self._limits.stop_s)
        tasks = list(crowd.state.tasks)
        for connection in list(crowd.state.connections):
            connection.transport.abort()
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=_ABORT_S)
        await _emptied(crowd, _ABORT_S)


async def _emptied(crowd: Crowd, timeout_s: float) -> None:
    with anyio.move_on_after(timeout_s):
        while crowd.state.connections:
            crowd.changed.clear()
            await crowd.changed.wait()
