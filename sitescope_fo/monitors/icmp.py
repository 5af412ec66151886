"""ICMP echo over one shared socket per address family (RFC 792, RFC 4443).

A datagram socket needs no privilege where `net.ipv4.ping_group_range` holds the node's group; a raw one needs CAP_NET_RAW.
A reply belongs to an echo when identifier, sequence and 16 random bytes agree, so nobody off the path can forge one.
"""

from __future__ import annotations

import asyncio
import errno
import os
import select
import socket
import struct
from collections import deque
from functools import partial

import msgspec

from sitescope_fo.model.ports import Clock

DENIED = (
    "this node may not send ICMP: allow it with"
    " 'sysctl net.ipv4.ping_group_range=\"0 2147483647\"' or the capability CAP_NET_RAW (systemd: AmbientCapabilities)"
)
_TOKEN_BYTES = 16
_PADDING = bytes(40)  # 56 bytes of data, as ping(8) sends
_DRAWN = 64  # tokens at a time
_HEAD = struct.Struct("!BBHHH")
_SEQUENCES = 0x10000
_NO_ROOM = {errno.EAGAIN, errno.ENOBUFS}
_ROOM_S = 0.002
_BURST = 64  # datagrams read in one turn of the loop
_RECEIVE_BYTES = 1 << 20
_ICMP_FILTER = 1  # the same number for SOL_RAW and IPPROTO_ICMPV6 (linux/icmp.h, linux/icmpv6.h)
_SOL_RAW = 255
_IP_RECVERR = 11
_IPV6_RECVERR = 25
_EXTENDED_ERROR = struct.Struct("=IBBBBII")


class Echoed(msgspec.Struct, frozen=True):
    """What became of one echo: the round trip in seconds, or why a router or host says it cannot be delivered."""

    round_trip_s: float = 0.0
    undelivered: str = ""


class _Family(msgspec.Struct, frozen=True):
    """The figures in which ICMP and ICMPv6 differ."""

    family: int
    protocol: int
    request: int
    reply: int
    errors: dict[int, str]


_FAMILIES: dict[int, _Family] = {
    socket.AF_INET: _Family(socket.AF_INET, socket.IPPROTO_ICMP, 8, 0, {3: "unreachable", 11: "time to live exceeded"}),
    socket.AF_INET6: _Family(socket.AF_INET6, socket.IPPROTO_ICMPV6, 128, 129, {1: "unreachable", 3: "hop limit exceeded"}),
}


class _Waiting:
    """One echo that is not answered yet."""

    __slots__ = ("future", "sent", "timer", "token")

    def __init__(self, token: bytes, future: asyncio.Future[Echoed | None]) -> None:
        self.token = token
        self.future = future
        self.sent = 0.0
        self.timer: asyncio.TimerHandle | None = None

    def settle(self, outcome: Echoed | None) -> None:
        if not self.future.done():
            self.future.set_result(outcome)


class Echo:
    """The echo sockets of a node, opened at the first use. For one event loop (asyncio or uvloop)."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._doors: dict[int, _Door] = {}

    def start(self, family: int, address: str, timeout_s: float | None = None) -> asyncio.Future[Echoed | None]:
        """Sends one echo; the future gives what became of it, None when no reply came in time. Cancelling it forgets the echo.

        Raises PermissionError when neither kind of socket is allowed, OSError when the packet cannot be sent.
        """
        door = self._doors.get(family)
        if door is None:
            door = self._doors[family] = _Door(_FAMILIES[family], self._clock)
        return door.start(address, timeout_s)

    async def send(self, family: int, address: str) -> Echoed:
        """Sends one echo and waits for its answer, for ever: bound it with a cancel scope. Raises as `start` does."""
        echoed = await self.start(family, address)
        if echoed is None:
            raise TimeoutError
        return echoed

    def close(self) -> None:
        """Closes the sockets; echoes on their way end as cancelled."""
        for door in self._doors.values():
            door.close()
        self._doors.clear()


class _Door:
    """The socket of one family. Neither tasks nor locks: an echo is an entry in `_waiting` and a future."""

    def __init__(self, kind: _Family, clock: Clock) -> None:
        self._kind = kind
        self._clock = clock
        self._socket, self._raw = _open(kind)
        self._identifier = int.from_bytes(os.urandom(2), "big")
        self._sequence = int.from_bytes(os.urandom(2), "big")
        self._waiting: dict[int, _Waiting] = {}
        self._chance = b""
        self._queue: deque[tuple[int, str]] = deque()
        self._queue_timer: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()
        # The loop watches a set that holds the socket, not the socket: libuv (uvloop) turns deaf for good to one with an error
        # in its queue, and a set only ever becomes readable.
        self._watched = select.epoll()
        self._watched.register(self._socket, select.EPOLLIN)
        self._loop.add_reader(self._watched.fileno(), self._read)

    def start(self, address: str, timeout_s: float | None) -> asyncio.Future[Echoed | None]:
        sequence = self._next_sequence()
        waiting = _Waiting(self._token(), self._loop.create_future())
        self._waiting[sequence] = waiting
        try:
            if self._queue or not self._transmit(sequence, waiting, address):
                self._queue.append((sequence, address))
                self._send_later()
        except OSError:
            del self._waiting[sequence]
            raise
        waiting.future.add_done_callback(partial(self._over, sequence))
        if timeout_s is not None:
            waiting.timer = self._loop.call_later(timeout_s, waiting.settle, None)
        return waiting.future

    def close(self) -> None:
        self._loop.remove_reader(self._watched.fileno())
        self._watched.close()
        self._socket.close()
        if self._queue_timer is not None:
            self._queue_timer.cancel()
        for waiting in self._waiting.values():
            waiting.future.cancel()

    def _over(self, sequence: int, _future: asyncio.Future[Echoed | None]) -> None:
        timer = self._waiting.pop(sequence).timer
        if timer is not None:
            timer.cancel()

    def _next_sequence(self) -> int:
        if len(self._waiting) >= _SEQUENCES - 1:
            raise OSError(errno.ENOBUFS, "65535 echoes are on their way")
        while True:
            self._sequence = (self._sequence + 1) % _SEQUENCES
            if self._sequence not in self._waiting:
                return self._sequence

    def _token(self) -> bytes:
        """Random bytes are drawn for many echoes at once."""
        if not self._chance:
            self._chance = os.urandom(_TOKEN_BYTES * _DRAWN)
        token, self._chance = self._chance[:_TOKEN_BYTES], self._chance[_TOKEN_BYTES:]
        return token

    def _packet(self, sequence: int, token: bytes) -> bytes:
        head = _HEAD.pack(self._kind.request, 0, 0, self._identifier, sequence)
        if self._kind.family == socket.AF_INET:  # for ICMPv6 the kernel does it
            head = _HEAD.pack(self._kind.request, 0, checksum(head + token), self._identifier, sequence)
        return head + token + _PADDING  # zeros do not count in the checksum

    def _transmit(self, sequence: int, waiting: _Waiting, address: str) -> bool:
        """False when the kernel has no room for it now. Raises OSError when it is refused."""
        packet = self._packet(sequence, waiting.token)
        again = True
        while True:
            waiting.sent = self._clock.mono()
            try:
                self._socket.sendto(packet, (address, 0))
            except OSError as error:
                if error.errno in _NO_ROOM:
                    return False
                # A datagram socket reports an earlier echo's ICMP error at the next call; only a second one is about this packet.
                if self._raw or not again:
                    raise
                again = False
            else:
                return True

    def _send_later(self) -> None:
        """A timer and no writer: a device queue that is full (ENOBUFS) is not seen by epoll, and 2 ms drain either."""
        if self._queue_timer is None:
            self._queue_timer = self._loop.call_later(_ROOM_S, self._send_queued)

    def _send_queued(self) -> None:
        self._queue_timer = None
        while self._queue:
            sequence, address = self._queue[0]
            waiting = self._waiting.get(sequence)
            if waiting is not None and not waiting.future.done():
                try:
                    if not self._transmit(sequence, waiting, address):
                        self._send_later()
                        return
                except OSError as error:
                    waiting.settle(Echoed(undelivered=os.strerror(error.errno or errno.EIO).lower()))
            self._queue.popleft()

    def _read(self) -> None:
        if not self._raw:
            self._read_errors()
        for _ in range(_BURST):
            try:
                data = self._socket.recv(2048)
            except BlockingIOError:
                return
            except OSError:
                continue  # an error of one echo; its details are in the error queue
            self._received(data, self._clock.mono())

    def _read_errors(self) -> None:
        for _ in range(_BURST):
            try:
                data, notes, _, _ = self._socket.recvmsg(2048, 512, socket.MSG_ERRQUEUE)
            except OSError:
                return
            for _, _, note in notes:
                if len(note) >= _EXTENDED_ERROR.size:
                    code = _EXTENDED_ERROR.unpack_from(note)[0]
                    self._undelivered(data, os.strerror(code).lower())

    def _received(self, data: bytes, at: float) -> None:
        message = _after_ip_header(data) if self._raw and self._kind.family == socket.AF_INET else data
        if len(message) < 8:
            return
        if message[0] == self._kind.reply:
            waiting = self._matching(message)
            if waiting is not None and message[8 : 8 + _TOKEN_BYTES] == waiting.token:
                waiting.settle(Echoed(round_trip_s=max(0.0, at - waiting.sent)))
        elif message[0] in self._kind.errors and self._raw:
            inner = _after_ip_header(message[8:]) if self._kind.family == socket.AF_INET else message[48:]
            self._undelivered(inner, self._kind.errors[message[0]])

    def _undelivered(self, request: bytes, why: str) -> None:
        """`request` is the start of the packet that an ICMP error quotes: 8 bytes at least (RFC 792), mostly more."""
        if len(request) < 8 or request[0] != self._kind.request:
            return
        waiting = self._matching(request)
        quoted = request[8 : 8 + _TOKEN_BYTES]
        if waiting is not None and waiting.token.startswith(quoted):
            waiting.settle(Echoed(undelivered=why))

    def _matching(self, message: bytes) -> _Waiting | None:
        identifier, sequence = struct.unpack_from("!HH", message, 4)
        if self._raw and identifier != self._identifier:  # the kernel sets and checks it on a datagram socket
            return None
        waiting = self._waiting.get(sequence)
        return waiting if waiting is not None and not waiting.future.done() else None


def _open(kind: _Family) -> tuple[socket.socket, bool]:
    """The socket, and whether it is a raw one. Raises PermissionError (`DENIED`)."""
    try:
        opened, raw = socket.socket(kind.family, socket.SOCK_DGRAM, kind.protocol), False
    except PermissionError:
        try:
            opened, raw = socket.socket(kind.family, socket.SOCK_RAW, kind.protocol), True
        except PermissionError:
            raise PermissionError(errno.EPERM, DENIED) from None
    opened.setblocking(False)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BYTES)
    wanted = (kind.reply, *kind.errors)
    if kind.family == socket.AF_INET6:
        opened.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVERR, 0 if raw else 1)
        if raw:
            blocked = ((1 << 256) - 1) & ~sum(1 << number for number in wanted)
            opened.setsockopt(kind.protocol, _ICMP_FILTER, blocked.to_bytes(32, "little"))
    else:
        opened.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 0 if raw else 1)
        if raw:
            blocked = 0xFFFFFFFF & ~sum(1 << number for number in wanted)
            opened.setsockopt(_SOL_RAW, _ICMP_FILTER, struct.pack("=I", blocked))
    return opened, raw


def _after_ip_header(packet: bytes) -> bytes:
    return packet[(packet[0] & 0x0F) * 4 :] if packet else b""


def checksum(data: bytes) -> int:
    """RFC 1071, for data of even length: a one's complement sum of 16-bit words is the number they spell, modulo 0xFFFF."""
    return 0xFFFF - int.from_bytes(data, "big") % 0xFFFF
