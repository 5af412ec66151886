"""The certificate that a server shows, whoever it is: to be judged by a person, never to be talked to."""

from __future__ import annotations

import ssl

import anyio
from anyio.streams.tls import TLSAttribute

from sitescope_fo.model.errors import Unreachable
from sitescope_fo.security.tls import looking_context

LOOK_S = 10.0


async def shown_certificate(address: str, port: int, host: str) -> bytes:
    """The DER of the certificate that `address` shows to who asks for `host`; b"" when it shows none.

    Raises OSError, anyio.BrokenResourceError, anyio.EndOfStream.
    """
    context = looking_context()
    stream = await anyio.connect_tcp(address, port, ssl_context=context, tls_hostname=host, tls_standard_compatible=False)
    async with stream:
        return stream.extra(TLSAttribute.peer_certificate_binary) or b""  # noqa: S610  # no Django here


async def fetch_certificate(host: str, port: int) -> str:
    """The certificate of `host:port` as PEM. Raises Unreachable (`timeout`, `refused`, `no_tls`)."""
    where = f"{host}:{port}"
    try:
        with anyio.fail_after(LOOK_S):
            der = await shown_certificate(host, port, host)
    except TimeoutError as error:
        raise Unreachable(f"No certificate came within {LOOK_S:g} s", where=where, hint=_HINT, code="timeout") from error
    except (ssl.SSLError, anyio.BrokenResourceError, anyio.EndOfStream) as error:
        raise Unreachable("What answers there speaks no TLS", where=where, hint=_HINT, code="no_tls") from error
    except (OSError, UnicodeError) as error:
        raise Unreachable(f"Nobody answers there: {error}", where=where, hint=_HINT, code="refused") from error
    if not der:
        raise Unreachable("It shows no certificate", where=where, hint=_HINT, code="no_tls")
    return ssl.DER_cert_to_PEM_cert(der)


_HINT = "Is the port right, and web.tls on over there?"
