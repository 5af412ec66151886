"""httpx over the command socket of a home."""

from __future__ import annotations

from pathlib import Path

import httpx

from sitescope_fo.security.local_socket import find_local
from sitescope_fo.store.home import Home

_KEPT_S = 60.0  # shorter than the server's 75 s


class HomeTransport(httpx.AsyncBaseTransport):
    """The socket of a home, looked for at each request: a daemon that was started again may have put it elsewhere."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._path = Path()
        self._inner: httpx.AsyncHTTPTransport | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """See httpx. Raises Unreachable (`not_running`) too."""
        path = find_local(self._home)
        if self._inner is None or path != self._path:
            await self.aclose()
            self._path, self._inner = path, httpx.AsyncHTTPTransport(uds=str(path), limits=kept_connections())
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        """See httpx."""
        if self._inner is not None:
            await self._inner.aclose()


def kept_connections() -> httpx.Limits:
    """A few connections, kept for a minute."""
    return httpx.Limits(max_connections=8, max_keepalive_connections=8, keepalive_expiry=_KEPT_S)
