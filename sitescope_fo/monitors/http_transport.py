"""HTTP for checks: httpx over httpcore with look-ups of its own, bounded bodies and a look at the certificate."""

from __future__ import annotations

import ssl
import zlib
from collections.abc import AsyncIterator, Iterable

import httpcore
import httpx

from sitescope_fo.monitors.addresses import first, resolve
from sitescope_fo.monitors.aside import Aside

_GZIP_OR_ZLIB = 47  # zlib.decompressobj: largest window, header found out


_ERRORS = (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException, httpcore.UnsupportedProtocol)


class TransportFailed(Exception):
    """The exchange failed below HTTP's statuses; the reason is in the message and in the cause."""


class CheckTransport(httpx.AsyncBaseTransport):
    """One check's connections. Each check opens its own, as a visitor of the page would."""

    def __init__(self, tls: ssl.SSLContext, lookups: Aside) -> None:
        self._pool = httpcore.AsyncConnectionPool(ssl_context=tls, network_backend=_Backend(lookups))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """One exchange up to the end of the headers. Raises TransportFailed, and OSError when no connection comes about."""
        url = request.url
        wanted = httpcore.Request(
            method=request.method,
            url=httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
            headers=request.headers.raw,
            content=request.stream,
            extensions=request.extensions,
        )
        try:
            reply = await self._pool.handle_async_request(wanted)
        except _ERRORS as error:
            raise TransportFailed(str(error)) from error.__context__
        return httpx.Response(reply.status, headers=reply.headers, stream=_Body(reply), extensions=reply.extensions)

    async def aclose(self) -> None:
        """Closes the connections."""
        await self._pool.aclose()


class _Body(httpx.AsyncByteStream):
    def __init__(self, reply: httpcore.Response) -> None:
        self._reply = reply

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for data in self._reply.aiter_stream():
                yield data
        except _ERRORS as error:
            raise TransportFailed(str(error)) from error.__context__

    async def aclose(self) -> None:
        await self._reply.aclose()


class _Backend(httpcore.AnyIOBackend):
    """Connects to the first address of a host that answers."""

    def __init__(self, lookups: Aside) -> None:
        self._lookups = lookups

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  # httpcore's signature; checks bound themselves
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        async def connect(address: str) -> httpcore.AsyncNetworkStream:
            try:
                return await super(_Backend, self).connect_tcp(address, port, timeout, local_address, socket_options)
            except httpcore.ConnectError as error:
                raise _origin(error) from None

        if not 0 < port < 65536:  # httpx lets a redirect name any number
            raise TransportFailed(f"{port} is no port")
        return await first(await resolve(self._lookups, host), connect)


def _origin(error: BaseException) -> BaseException:
    """The error that started the chain: the pool cuts chains off (`raise … from None`), and the reason is at the far end."""
    while error.__cause__ is not None:
        error = error.__cause__
    return error


def certificate_end(response: httpx.Response) -> float | None:
    """When the certificate of the connection ends, POSIX seconds; None without TLS."""
    stream = response.extensions.get("network_stream")
    tls = stream.get_extra_info("ssl_object") if stream is not None else None
    der = tls.getpeercert(binary_form=True) if tls is not None else None
    if der is None:
        return None
    from cryptography import x509  # 30 ms, and only https needs it

    return x509.load_der_x509_certificate(der).not_valid_after_utc.timestamp()


async def read_page(response: httpx.Response, most: int) -> bytes:
    """At most `most` bytes of the body, unpacked; a server that packs although asked not to cannot make it grow beyond that."""
    page = bytearray()
    if most:
        async for data in response.aiter_raw():
            page += data
            if len(page) >= most:
                break
    raw = bytes(page[:most])
    if response.headers.get("content-encoding", "").lower() in {"gzip", "deflate", "x-gzip"}:
        try:
            return zlib.decompressobj(_GZIP_OR_ZLIB).decompress(raw, most)
        except zlib.error:
            return raw
    return raw


def page_text(page: bytes, response: httpx.Response) -> str:
    """The page in the character set its headers name, else UTF-8; what cannot be read is replaced."""
    try:
        return page.decode(response.charset_encoding or "utf-8", errors="replace")
    except LookupError:
        return page.decode("utf-8", errors="replace")
