"""The demo's surroundings on loopback: a small web shop whose pages can fail, and a mail server that keeps what it is sent.

The mail server is a few lines of its own because the demo runs from an installed package, where aiosmtpd (used by the tests) is
not there. It speaks as much of RFC 5321 as one sending client needs.
"""

from __future__ import annotations

import email
import email.policy
from collections.abc import Awaitable, Callable

import anyio
import msgspec
from anyio.abc import AnyByteStream, SocketAttribute, TaskGroup
from anyio.streams.buffered import BufferedByteReceiveStream

LONGEST_LINE = 4096
LONGEST_MAIL = 1024 * 1024
_GONE = (anyio.BrokenResourceError, anyio.ClosedResourceError, anyio.EndOfStream, anyio.IncompleteRead, anyio.DelimiterNotFound)


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """One received mail. `wall`: POSIX seconds of its arrival."""

    wall: float
    to: tuple[str, ...]
    subject: str
    text: str


class Shop:
    """Answers each path with a page, or with status 503 when the path is in `failing`."""

    def __init__(self) -> None:
        self.failing: set[str] = set()
        self.port = 0

    async def open(self, tasks: TaskGroup) -> None:
        """Listens on a free port of loopback until the task group is cancelled."""
        self.port = await _listen(tasks, self._answer)

    async def _answer(self, stream: AnyByteStream) -> None:
        head = await BufferedByteReceiveStream(stream).receive_until(b"\r\n\r\n", LONGEST_LINE)
        path = head.split(b" ", 2)[1].decode("ascii", "replace") if head.count(b" ") > 1 else "/"
        status, page = (
            ("503 Service Unavailable", b"Out of order") if path in self.failing else ("200 OK", b"Welcome to the shop")
        )
        await stream.send(f"HTTP/1.1 {status}\r\nContent-Length: {len(page)}\r\nConnection: close\r\n\r\n".encode() + page)


class MailSink:
    """Takes every mail and keeps it in `letters`, oldest first."""

    def __init__(self, wall: Callable[[], float]) -> None:
        self._wall = wall
        self.letters: list[Letter] = []
        self.port = 0

    async def open(self, tasks: TaskGroup) -> None:
        """Listens on a free port of loopback until the task group is cancelled."""
        self.port = await _listen(tasks, self._talk)

    async def _talk(self, stream: AnyByteStream) -> None:
        lines = BufferedByteReceiveStream(stream)
        to: list[str] = []
        await stream.send(b"220 demo.example ESMTP\r\n")
        while True:
            line = (await lines.receive_until(b"\r\n", LONGEST_LINE)).decode("ascii", "replace")
            match line.partition(" ")[0].upper():
                case "DATA":
                    await stream.send(b"354 go on\r\n")
                    self._keep(await lines.receive_until(b"\r\n.\r\n", LONGEST_MAIL), to)
                case "RCPT":
                    to.append(line.partition("<")[2].partition(">")[0])
                case "RSET" | "MAIL":
                    to.clear()
                case "QUIT":
                    await stream.send(b"221 bye\r\n")
                    return
            await stream.send(b"250 ok\r\n")

    def _keep(self, data: bytes, to: list[str]) -> None:
        message = email.message_from_bytes(data.replace(b"\r\n..", b"\r\n."), policy=email.policy.default)
        body = message.get_body(("plain",))
        text = body.get_content() if body is not None else ""
        self.letters.append(Letter(wall=self._wall(), to=tuple(to), subject=str(message["Subject"]), text=text))


async def _listen(tasks: TaskGroup, answer: Callable[[AnyByteStream], Awaitable[None]]) -> int:
    """Serves connections with `answer` on a free port of 127.0.0.1 and gives that port."""
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")

    async def one(stream: AnyByteStream) -> None:
        async with stream:
            try:
                await answer(stream)
            except _GONE:
                return  # the client went away in the middle, as clients may

    async def serve() -> None:
        async with listener:
            await listener.serve(one)

    tasks.start_soon(serve)
    port: int = listener.extra(SocketAttribute.local_port)  # noqa: S610  # anyio's typed attributes
    return port
