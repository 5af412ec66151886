"""From a host name to a connection: look-ups off the loop, and the first address that answers wins (RFC 8305)."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Awaitable, Callable
from functools import lru_cache
from typing import TypeVar

import anyio

from sitescope_fo.monitors.aside import Aside

T = TypeVar("T")
STAGGER_S = 0.25
"""Wait before the next address is tried as well (RFC 8305, Connection Attempt Delay)."""


async def resolve(lookups: Aside, host: str, family: int = socket.AF_UNSPEC) -> tuple[tuple[int, str], ...]:
    """(address family, numeric address) of `host` in the system's order. Raises socket.gaierror."""
    found = literal(host)
    if not found:
        return await lookups.call((host, family), _look_up, host, family)
    if family not in {socket.AF_UNSPEC, found[0][0]}:
        raise socket.gaierror(socket.EAI_ADDRFAMILY, f"{host} is no address of the wanted IP version")
    return found


@lru_cache(maxsize=32_768)
def literal(host: str) -> tuple[tuple[int, str], ...]:
    """What `resolve` gives for a numeric address, () for a name. Kept: parsing one takes 3 µs, and each check asks."""
    try:
        version = ipaddress.ip_address(host).version
    except ValueError:
        return ()
    return ((socket.AF_INET if version == 4 else socket.AF_INET6, host),)


def _look_up(host: str, family: int) -> tuple[tuple[int, str], ...]:
    try:
        rows = socket.getaddrinfo(host, None, family=family, type=socket.SOCK_STREAM)
    except ValueError as error:  # an empty or long label, a NUL
        raise socket.gaierror(socket.EAI_NONAME, f"'{host}' is no host name") from error
    return tuple(dict.fromkeys((row[0], str(row[4][0])) for row in rows))


async def first(
    addresses: tuple[tuple[int, str], ...],
    attempt: Callable[[str], Awaitable[T]],
    discard: Callable[[T], object] = lambda _: None,
) -> T:
    """What `attempt(address)` gives for the first address where it succeeds; the next starts when one fails or is slow.

    Raises the error of the first address when all fail. A success that comes second is cancelled, or given to `discard`.
    """
    if len(addresses) == 1:
        return await attempt(addresses[0][1])
    won: list[T] = []
    errors: dict[int, OSError] = {}

    async with anyio.create_task_group() as group:

        async def run(number: int, address: str, over: anyio.Event) -> None:
            try:
                outcome = await attempt(address)
            except OSError as error:
                errors[number] = error
            else:
                if won:
                    discard(outcome)
                else:
                    won.append(outcome)
                group.cancel_scope.cancel()
            finally:
                over.set()

        for number, (_, address) in enumerate(addresses):
            over = anyio.Event()
            group.start_soon(run, number, address, over)
            with anyio.move_on_after(STAGGER_S):
                await over.wait()
    if won:
        return won[0]
    raise errors[min(errors)]
