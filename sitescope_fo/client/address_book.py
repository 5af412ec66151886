"""What this node remembers of its peers' addresses: where a name led when it last worked, and the TLS key there.

A name server that fails must not look like a primary that fails: the last good address is tried before an unresolved name counts.
"""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable, Sequence

import anyio
import msgspec

from sitescope_fo.model.errors import Unreachable
from sitescope_fo.model.ports import Clock

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
FRESH_S = 30.0
_PATIENCE_S = 2.0
_PAUSE_S = 30.0


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one `host:port`."""

    address: str = ""
    key_sha256: str = ""


async def resolve_name(host: str, port: int) -> Sequence[str]:
    """Addresses of `host` from the system's resolver, in its order, each once. Raises OSError."""
    found = await anyio.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(address[4][0]) for address in found))


class AddressBook:
    """Addresses of peers. `changed` gets the file's new content whenever there is something new to keep; it must not block."""

    def __init__(
        self,
        clock: Clock,
        content: bytes = b"",
        *,
        changed: Callable[[bytes], None] | None = None,
        resolve: Resolve = resolve_name,
    ) -> None:
        """Opens the book; content that does not parse is an empty book, because all of it can be learned again."""
        self._clock = clock
        self._changed = changed
        self._resolve = resolve
        self._fresh: dict[str, tuple[float, tuple[str, ...]]] = {}
        self._paused_until: dict[str, float] = {}
        try:
            self._entries = msgspec.json.decode(content or b"{}", type=dict[str, Entry])
        except msgspec.MsgspecError:
            self._entries = {}

    async def addresses(self, host: str, port: int, *, timeout_s: float) -> tuple[str, ...]:
        """Addresses to try, the last good one first.

        A lookup takes at most a third of `timeout_s`, and 2 s; names looked up within 30 s are not looked up again, nor is
        one for 30 s whose lookup timed out (each leaves a thread of the resolver behind). Raises Unreachable (`unresolved`).
        """
        now = self._clock.mono()
        until, known = self._fresh.get(host, (0.0, ()))
        if now < until:
            return known
        last = self.entry(host, port).address
        found = (
            await self._look_up(host, port, min(timeout_s / 3, _PATIENCE_S)) if now >= self._paused_until.get(host, 0.0) else ()
        )
        if found:
            found = (last, *(one for one in found if one != last)) if last in found else tuple(found)
            self._fresh[host] = (now + FRESH_S, found)
            return found
        if last:
            return (last,)
        raise Unreachable(
            f"The name {host} does not resolve",
            where=f"{host}:{port}",
            hint="Check DNS or /etc/hosts on this node",
            code="unresolved",
        )

    def entry(self, host: str, port: int) -> Entry:
        """What is known of a peer."""
        return self._entries.get(f"{host}:{port}", Entry())

    def worked(self, host: str, port: int, address: str, key_sha256: str) -> None:
        """A verified reply came from `address`, over TLS with that key ("" = no TLS, the known key is kept)."""
        until, known = self._fresh.get(host, (0.0, ()))
        if address in known and known[0] != address:
            self._fresh[host] = (until, (address, *(one for one in known if one != address)))
        before = self.entry(host, port)
        after = Entry(address=address, key_sha256=key_sha256 or before.key_sha256)
        if after != before:
            self._entries[f"{host}:{port}"] = after
            if self._changed is not None:
                self._changed(msgspec.json.encode(self._entries, order="sorted"))

    def failed(self, host: str) -> None:
        """No address of `host` could be connected to: look the name up again next time."""
        self._fresh.pop(host, None)

    async def _look_up(self, host: str, port: int, timeout_s: float) -> tuple[str, ...]:
        with anyio.move_on_after(timeout_s):
            try:
                return tuple(await self._resolve(host, port))
            except OSError:
                return ()
        self._paused_until[host] = self._clock.mono() + _PAUSE_S
        return ()
