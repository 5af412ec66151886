"""Looks at the way to a peer step by step, as an operator would: its name, its port, its TLS. Nothing is asked of who answers."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

import anyio
from anyio.streams.tls import TLSAttribute, TLSStream

from sitescope_fo.model.errors import ConfigInvalid, Unreachable
from sitescope_fo.model.ports import Clock, TlsSight, Work
from sitescope_fo.security.certificate import read_der
from sitescope_fo.security.tls import chain_problem, client_context, looking_context

_GONE = (OSError, anyio.BrokenResourceError, anyio.EndOfStream, anyio.ClosedResourceError)


class NetworkLook:
    """The PeerLook port in life. What this home trusts is read from `certificates` at each look."""

    def __init__(self, clock: Clock, work: Work, certificates: Path) -> None:
        self._clock, self._work, self._certificates = clock, work, certificates

    async def resolve(self, host: str) -> tuple[str, ...]:
        """See the port."""
        try:
            found = await anyio.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise Unreachable(f"{host} does not resolve: {_said(error)}", where=host, code="unresolved") from error
        return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))

    async def connect(self, address: str, port: int, timeout_s: float) -> float:
        """See the port."""
        where, began = f"{address}:{port}", self._clock.mono()
        try:
            with anyio.fail_after(timeout_s):
                stream = await anyio.connect_tcp(address, port)
                took = self._clock.mono() - began
                await stream.aclose()
        except TimeoutError as error:
            raise Unreachable(f"nothing answers at {where} within {timeout_s:g} s", where=where, code="timeout") from error
        except OSError as error:
            raise Unreachable(f"no connection to {where}: {_said(error)}", where=where, code="refused") from error
        return took

    async def handshake(self, address: str, port: int, host: str, timeout_s: float) -> TlsSight:
        """See the port. Two handshakes: a refused one does not show the certificate."""
        where = f"{address}:{port}"
        try:
            with anyio.fail_after(timeout_s):
                version, der = await self._shake(address, port, host, looking_context())
                certificate = read_der(der)
                untrusted, remedy = await self._trust(address, port, host)
        except TimeoutError as error:
            raise Unreachable(f"no TLS handshake with {where} within {timeout_s:g} s", where=where, code="timeout") from error
        except (*_GONE, ConfigInvalid) as error:  # ssl.SSLError is an OSError
            raise Unreachable(f"no TLS at {where}: {_said(error)}", where=where, code="no_tls") from error
        return TlsSight(
            version=version,
            names=certificate.names,
            not_after=certificate.not_after,
            fingerprint=certificate.fingerprint,
            untrusted=untrusted,
            remedy=remedy,
        )

    async def _trust(self, address: str, port: int, host: str) -> tuple[str, str]:
        """(what is wrong, what to do), both "" when OpenSSL takes the certificate with what is trusted here."""
        try:
            context, _ = await self._work.run_blocking(client_context, self._certificates)
        except ConfigInvalid as error:
            return f"{error.what} ({error.where})", error.hint
        try:
            await self._shake(address, port, host, context)
        except ssl.SSLCertVerificationError as error:
            problem = chain_problem(error, host)
            return problem.what, problem.hint
        return "", ""

    @staticmethod
    async def _shake(address: str, port: int, host: str, context: ssl.SSLContext) -> tuple[str, bytes]:
        raw = await anyio.connect_tcp(address, port)
        try:
            stream = await TLSStream.wrap(raw, hostname=host, ssl_context=context, standard_compatible=False)
        except BaseException:
            with anyio.CancelScope(shield=True):
                await raw.aclose()
            raise
        async with stream:
            shown = stream.extra(TLSAttribute.peer_certificate_binary) or b""  # noqa: S610  # no Django here
            return str(stream.extra(TLSAttribute.tls_version)), shown  # noqa: S610


def _said(error: BaseException) -> str:
    if isinstance(error, ssl.SSLError):
        return (error.reason or str(error)).lower().replace("_", " ")
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
