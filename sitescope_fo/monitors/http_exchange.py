"""One HTTP/1.1 exchange over a connection of its own, as a visitor who comes for the first time would have it."""

from __future__ import annotations

from functools import lru_cache

import msgspec

from sitescope_fo.monitors.addresses import literal, resolve
from sitescope_fo.monitors.connection import Connection, connect
from sitescope_fo.monitors.context import CheckContext
from sitescope_fo.monitors.http_reply import Reply, ReplyBroken
from sitescope_fo.monitors.web_address import WebAddress


class Spent(msgspec.Struct):
    """Where the time of a visit went, seconds, summed over its redirects; `tls_s` is None as long as there was no TLS."""

    dns_s: float = 0.0
    connect_s: float = 0.0
    tls_s: float | None = None
    first_byte_s: float = 0.0


async def exchange(
    address: WebAddress, request: bytes, reply: Reply, spent: Spent, context: CheckContext, *, verified: bool
) -> bytes | None:
    """Sends the request, reads into `reply` until it is complete, and gives the server's certificate (DER) if there is one.

    Raises OSError (ssl.SSLError and socket.gaierror are such) and ReplyBroken.
    """
    mono = context.clock.mono
    before = mono()
    addresses = literal(address.host) or await resolve(context.lookups, address.host)
    now = mono()
    spent.dns_s += now - before
    connection = await connect(addresses, address.port)
    certificate = None
    try:
        before, now = now, mono()
        spent.connect_s += now - before
        if address.tls:
            await connection.start_tls(context.tls(verified), address.host.rstrip("."))
            before, now = now, mono()
            spent.tls_s = (spent.tls_s or 0.0) + now - before
            certificate = connection.certificate()
        unsent = await _sent(connection, request)
        data = b""
        try:
            data = await connection.receive()
            spent.first_byte_s += mono() - now
            await _read(connection, reply, data)
        except (ConnectionError, ReplyBroken):
            if unsent is not None:
                raise unsent from None
            raise
    finally:
        connection.close()
    return certificate


async def _sent(connection: Connection, request: bytes) -> ConnectionError | None:
    """Why the request could not be sent whole. The server may have answered all the same: it need not read a body it refuses."""
    try:
        await connection.send(request)
    except ConnectionError as error:
        return error
    return None


async def _read(connection: Connection, reply: Reply, data: bytes) -> None:
    while data:
        reply.feed(data)
        if reply.complete:
            return
        data = await connection.receive()
    reply.ended()


@lru_cache(maxsize=1024)
def certificate_end(der: bytes) -> float | None:
    """When the certificate ends, POSIX seconds; None when nobody can read it."""
    from cryptography import x509  # 30 ms, and only https needs it

    try:
        return x509.load_der_x509_certificate(der).not_valid_after_utc.timestamp()
    except ValueError:
        return None
