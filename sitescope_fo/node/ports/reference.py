"""Reference points: what answers when this node's own network works.

The default gateway (one ICMP echo), the resolvers, and the targets the caller names. A refused connection is an answer: somebody
is there.
"""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

import anyio

TIMEOUT_S = 1.0
ROUTES = Path("/proc/net/route")
RESOLVERS = Path("/etc/resolv.conf")
Echo = Callable[[str, float], Awaitable[bool]]


def default_gateways(table: str) -> tuple[str, ...]:
    """The gateways of the default routes in the text of /proc/net/route."""
    gateways = []
    for line in table.splitlines()[1:]:
        fields = line.split()
        if len(fields) > 3 and fields[1] == "00000000" and fields[2] != "00000000":
            gateways.append(socket.inet_ntoa(bytes.fromhex(fields[2])[::-1]))
    return tuple(dict.fromkeys(gateways))


def resolvers(text: str) -> tuple[str, ...]:
    """The name servers in the text of resolv.conf."""
    words = (line.split() for line in text.splitlines())
    return tuple(dict.fromkeys(w[1] for w in words if len(w) > 1 and w[0] == "nameserver"))


def _read(path: Path) -> str:
    try:
        return path.read_text("ascii", "replace")
    except OSError:
        return ""


class NetworkReferencePoints:
    """The ReferencePoints port in life."""

    def __init__(self, echo: Echo) -> None:
        self._echo = echo

    async def sample(self, targets: tuple[str, ...], primary_host: str) -> tuple[int, int]:
        """See the port."""
        points = [(gateway, 0) for gateway in default_gateways(_read(ROUTES))]
        points += [(server, 53) for server in resolvers(_read(RESOLVERS))]
        points += [(host, int(port or 0)) for host, _, port in (t.rpartition(":") if ":" in t else (t, "", "") for t in targets)]
        chosen = [point for point in dict.fromkeys(points) if point[0] != primary_host]
        answered = 0

        async def ask(host: str, port: int) -> None:
            nonlocal answered
            with anyio.move_on_after(TIMEOUT_S):
                answered += await self._answers(host, port)

        async with anyio.create_task_group() as tasks:
            for host, port in chosen:
                tasks.start_soon(ask, host, port)
        return len(chosen), answered

    async def _answers(self, host: str, port: int) -> bool:
        if not port:
            return await self._echo(host, TIMEOUT_S)
        try:
            stream = await anyio.connect_tcp(host, port)
        except ConnectionRefusedError:
            return True
        except OSError:
            return False
        await stream.aclose()
        return True

    def is_own_address(self, host: str) -> bool:
        """Whether an address of `host` can be bound here. An unknown name is nobody's own."""
        try:
            found = socket.getaddrinfo(host, 0, type=socket.SOCK_DGRAM)
        except OSError:
            return False
        return any(_bindable(family, address) for family, _, _, _, address in found)


def _bindable(family: int, address: object) -> bool:
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind(address)  # type: ignore[arg-type]  # as getaddrinfo gave it
    except OSError:
        return False
    return True
