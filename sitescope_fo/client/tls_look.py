"""The certificate on the other end: judged before the first request byte leaves, and looked at again when OpenSSL refused it."""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable, Collection
from typing import Any

import anyio
from anyio.streams.tls import TLSAttribute

from sitescope_fo.model.errors import ConfigInvalid, Unreachable
from sitescope_fo.security.certificate import Certificate, read_der
from sitescope_fo.security.tls import chain_problem, judge, looking_context, name_problem

Trace = Callable[[str, dict[str, Any]], Awaitable[None]]


def name_check(host: str, known: Collection[str], seen: Callable[[str], None]) -> Trace:
    """A trace for httpx that refuses a connection whose certificate is not for `host`; `seen` gets the key hash of a good one.

    Raises Unverifiable (`tls_name`) out of the request, or Unreachable (`foreign`) when the key is none of `known`.
    """

    async def trace(event: str, info: dict[str, Any]) -> None:
        if event != "connection.start_tls.complete":
            return
        stream = info["return_value"]
        certificate = read_der(stream.get_extra_info("ssl_object").getpeercert(binary_form=True))
        problem = name_problem(certificate, host)
        if problem is not None:
            await stream.aclose()
            raise judge(problem, certificate.key_sha256, known)
        seen(certificate.key_sha256)

    return trace


async def refused_certificate(
    error: ssl.SSLCertVerificationError, address: str, port: int, host: str, known: Collection[str]
) -> Unreachable:
    """What a certificate that OpenSSL refused means; a second handshake tells whose key it is, because the first one hides it."""
    problem = chain_problem(error, host)
    certificate = await _look(address, port, host)
    return problem if certificate is None else judge(problem, certificate.key_sha256, known)


async def _look(address: str, port: int, host: str) -> Certificate | None:
    try:
        stream = await anyio.connect_tcp(
            address, port, ssl_context=looking_context(), tls_hostname=host, tls_standard_compatible=False
        )
        async with stream:
            return read_der(stream.extra(TLSAttribute.peer_certificate_binary) or b"")  # noqa: S610  # no Django here
    except (OSError, anyio.BrokenResourceError, anyio.EndOfStream, ConfigInvalid):
        return None
