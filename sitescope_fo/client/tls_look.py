"""The certificate on the other end: judged before the first request byte leaves, and looked at again when OpenSSL refused it."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Collection
from typing import Any

import anyio

from sitescope_fo.model.errors import ConfigInvalid, Unreachable
from sitescope_fo.security.certificate import Certificate, read_der
from sitescope_fo.security.certificate_look import shown_certificate
from sitescope_fo.security.tls import chain_problem, judge, name_problem


class Handshake:
    """Watches a connection of httpx come up, as its `trace` extension."""

    def __init__(self, host: str, known: Collection[str], seen: Callable[[str], None]) -> None:
        """For a certificate named `host`; `known`: key hashes of the peer; `seen` gets the hash of a good certificate."""
        self._host = host
        self._known = known
        self._seen = seen
        self._unfinished: Any = None

    async def trace(self, event: str, info: dict[str, Any]) -> None:
        """Refuses a connection whose certificate is not for the host, before the request leaves.

        Raises Unverifiable (`tls_name`) out of the request, or Unreachable (`foreign`) when the key is none of `known`.
        """
        if event == "connection.connect_tcp.complete":
            self._unfinished = info["return_value"]
        if event != "connection.start_tls.complete":
            return
        stream = info["return_value"]
        certificate = read_der(stream.get_extra_info("ssl_object").getpeercert(binary_form=True))
        problem = name_problem(certificate, self._host)
        if problem is not None:
            raise judge(problem, certificate.key_sha256, self._known)
        self._unfinished = None
        self._seen(certificate.key_sha256)

    async def close(self) -> None:
        """Closes a connection whose handshake did not end; httpcore 1.0 leaves it open when its caller's deadline cuts in."""
        if self._unfinished is not None:
            with anyio.CancelScope(shield=True):
                await self._unfinished.aclose()


async def refused_certificate(
    error: ssl.SSLCertVerificationError, address: str, port: int, host: str, known: Collection[str]
) -> Unreachable:
    """What a certificate that OpenSSL refused means; a second handshake tells whose key it is, because the first one hides it."""
    problem = chain_problem(error, host)
    certificate = await _look(address, port, host)
    return problem if certificate is None else judge(problem, certificate.key_sha256, known)


async def _look(address: str, port: int, host: str) -> Certificate | None:
    try:
        return read_der(await shown_certificate(address, port, host))
    except (OSError, anyio.BrokenResourceError, anyio.EndOfStream, ConfigInvalid):
        return None
