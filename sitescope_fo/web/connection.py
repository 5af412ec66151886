"""One HTTP/1.1 connection: uvicorn's, with the deadlines it lacks and what the kernel knows of a local peer.

uvicorn 0.54 waits without end for the headers of a first request and for a reader that stopped reading; both are bounded
here. The total time of bodies, answers and sending is bounded by the doors (`limits.py`).
"""

from __future__ import annotations

import asyncio
import logging
import socket
import struct

import msgspec
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle
from uvicorn.server import ServerState

from sitescope_fo.model.errors import ErrorBody
from sitescope_fo.web.limits import Limits
from sitescope_fo.web.message import PROBLEM

_UCRED = struct.Struct("3i")  # pid, uid, gid: unix(7), SO_PEERCRED


class Crowd:
    """The connections of a listener that wait for a request, longest first, and a flag for when the last one has gone."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.waiting: dict[Connection, None] = {}
        self.state = ServerState()
        self.changed = asyncio.Event()

    def make_room(self) -> None:
        """Drops the connection that waited longest, when there are too many."""
        if len(self.state.connections) > self.limits.connections and self.waiting:
            next(iter(self.waiting)).abort()


class Connection(H11Protocol):
    """See the module. Made by the server, once for each accepted connection."""

    def __init__(self, config: Config, crowd: Crowd) -> None:
        super().__init__(config=config, server_state=crowd.state, app_state={})
        self._crowd = crowd
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Notes who it is, when the listener is local, and starts to wait for a request."""
        super().connection_made(transport)
        self.app_state["abort"] = transport.abort
        sock = transport.get_extra_info("socket")
        if sock.family == socket.AF_UNIX:
            credentials = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
            self.app_state["peer_uid"] = _UCRED.unpack(credentials)[1]
        self._wait()
        self._crowd.make_room()

    def data_received(self, data: bytes) -> None:
        """As uvicorn, then: headers complete, or still waiting for them."""
        super().data_received(data)
        if self._answering():
            self._stop_waiting()
        elif self._deadline is None:
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forgets it."""
        self._stop_waiting()
        self._unset_keepalive_if_required()
        super().connection_lost(exc)
        self._crowd.changed.set()

    def timeout_keep_alive_handler(self) -> None:
        """An idle connection is closed; one that still holds an answer nobody takes is cut."""
        if self.transport.get_write_buffer_size():
            self.abort()
        else:
            super().timeout_keep_alive_handler()

    def abort(self) -> None:
        """Cuts the connection; nothing is flushed."""
        self._stop_waiting()
        self.transport.abort()

    def send_400_response(self, msg: str) -> None:
        """What cannot be parsed gets a problem like every other error, when an answer can still be sent at all."""
        if self._answering():
            self.abort()
            return
        body = msgspec.json.encode(ErrorBody(code="bad_request", what=msg, hint="Speak HTTP/1.1 within the limits", exit_code=2))
        head = f"HTTP/1.1 400 Bad Request\r\ncontent-type: {PROBLEM}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
        self.transport.write(head.encode() + body)
        self.transport.close()

    def _answering(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle  # None until the first request, whatever uvicorn's annotation says
        return cycle is not None and not cycle.response_complete

    def _wait(self) -> None:
        self._crowd.waiting[self] = None
        self._deadline = self.loop.call_later(self._crowd.limits.header_s, self.abort)

    def _stop_waiting(self) -> None:
        self._crowd.waiting.pop(self, None)
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


class NoCancelledRequests(logging.Filter):
    """Keeps requests that a stop cut off out of the error log: uvicorn reports each as an exception of the application."""

    def filter(self, record: logging.LogRecord) -> bool:
        """See logging.Filter."""
        return not (record.exc_info and isinstance(record.exc_info[1], asyncio.CancelledError))
