"""One question to one name server, by dnspython (the extra `dns`); only loaded when a dns monitor runs."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, cast

import dns.asyncbackend
import dns.asyncquery
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.resolver
import dns.reversename

if TYPE_CHECKING:
    from dns._asyncbackend import DatagramSocket

    _MakeSocket = Callable[[int, int, int, None, tuple[str, int]], Awaitable[DatagramSocket]]


class BadReply(Exception):
    """The name server sent something over TCP that is no answer to the question."""


async def ask(name: str, record_type: str, address: str, port: int, *, recursive: bool, timeout_s: float) -> dns.message.Message:
    """The reply of the server at a numeric address, over UDP, and over TCP when it did not fit.

    Datagrams that are no answer to the question are passed over, so that nobody off the path can spoil a check by guessing.
    Raises TimeoutError, BadReply, OSError.
    """
    try:
        question = dns.message.make_query(_absolute(name, record_type), record_type, use_edns=0)
        if not recursive:
            question.flags &= ~dns.flags.RD
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        backend = dns.asyncbackend.get_default_backend()
        # A socket that is connected hears at once that nobody listens; dnspython's own waits for the time-out.
        make_socket = cast("_MakeSocket", backend.make_socket)
        async with await make_socket(family, socket.SOCK_DGRAM, 0, None, (address, port)) as udp:
            reply, _ = await dns.asyncquery.udp_with_fallback(
                question, address, timeout_s, port, udp_sock=udp, ignore_errors=True
            )
    except dns.exception.Timeout as error:
        raise TimeoutError from error
    except (dns.exception.DNSException, EOFError) as error:
        raise BadReply(str(error) or type(error).__name__) from error
    return reply


def _absolute(name: str, record_type: str) -> dns.name.Name:
    """The name from the root; for PTR an address is turned round."""
    if record_type == "PTR":
        try:
            return dns.reversename.from_address(str(ipaddress.ip_address(name)))
        except ValueError:
            pass
    return dns.name.from_text(name)


def system_servers() -> list[str]:
    """The addresses in /etc/resolv.conf, none when it cannot be read. Blocking."""
    try:
        resolver = dns.resolver.Resolver()
    except dns.resolver.NoResolverConfiguration:
        return []
    return [server for server in resolver.nameservers if isinstance(server, str)]
