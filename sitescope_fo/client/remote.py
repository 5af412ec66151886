"""The console's way to a node, without blocking: the daemon of a home over its unix socket, or any node over its network address.

Both speak the same queries and commands; over the network a person logs in first, or shows a token.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Self

import anyio
import httpx
import msgspec

from sitescope_fo.client.exchange import (
    COMMANDS,
    QUERY_S,
    SPARE_S,
    broken_off,
    decode,
    follow_target,
    late,
    not_owner,
    query_target,
)
from sitescope_fo.client.failure import causes, certificate_error, from_transport, unreachable
from sitescope_fo.client.home_transport import HomeTransport, kept_connections
from sitescope_fo.client.node_url import is_loopback, node_url
from sitescope_fo.client.people_tls import people_context, refused
from sitescope_fo.model.command import AnyCommand, CommandReply, CommandRequest
from sitescope_fo.model.errors import ErrorBody, SiteScopeError, from_body
from sitescope_fo.model.service import READ_ONLY, LoggedIn, Login
from sitescope_fo.security.local_socket import not_running
from sitescope_fo.store.home import Home

_FIRST_WAIT_S = 1.0
_FOLLOW_S = 5.0
_PERSON_S = 30.0
_FAILED = 400

Failure = Callable[[Exception, float], SiteScopeError]


class RemoteClient:
    """One node behind kept connections, which come up again by themselves. Close with `aclose`."""

    def __init__(self, http: httpx.AsyncClient, where: str, failure: Failure, *, read_only: bool) -> None:
        """Use `local` or `at`."""
        self.where = where
        """The home or the address, for people."""
        self.read_only = read_only
        """The node refuses every command."""
        self.user = ""
        """Who is logged in."""
        self._http = http
        self._failure = failure
        self._plain_is_welcome = http.base_url.scheme == "https" or is_loopback(http.base_url.host)
        if read_only:
            http.headers[READ_ONLY] = "1"

    @classmethod
    def local(cls, home: Home | Path, *, read_only: bool = False) -> Self:
        """The daemon of a home, asked as the user of this process. Nothing is opened yet."""
        home = home if isinstance(home, Home) else Home(home)
        http = _http("http://localhost", HomeTransport(home))
        return cls(http, str(home.root), partial(_local_failure, home), read_only=read_only)

    @classmethod
    def at(cls, url: str, *, trusted: Path | None = None, trust: Path | None = None, read_only: bool = False) -> Self:
        """The node at `https://HOST[:PORT]` or `http://…`. Nothing is opened yet; `login`, or `use_token`, comes next.

        `trusted`: a folder of further certificates to believe (a home's `certificates/trusted`); `trust`: one more file.
        Raises Usage (`bad_url`), ConfigInvalid (`certificate_unreadable`).
        """
        base = node_url(url)
        tls = people_context(trusted, trust) if base.scheme == "https" else None
        http = _http(str(base), httpx.AsyncHTTPTransport(verify=tls or False, limits=kept_connections()))
        return cls(http, str(base), partial(_remote_failure, base), read_only=read_only)

    async def login(self, user: str, password: str) -> LoggedIn:
        """Logs a person in; from then on every request is theirs.

        Raises Refused: `login_wrong`, `login_limited`, `plain_refused` (then the password was not sent).
        """
        body = msgspec.json.encode(Login(user=user, password=password))
        found = decode(await self._exchange("POST", "/api/v1/login", body, _PERSON_S), LoggedIn)
        self.use_token(found.token)
        self.user = user
        return found

    def use_token(self, token: str) -> None:
        """Shows a token, of a session or from `token add`, with every request; not to a far node that refuses plain HTTP."""
        self._http.headers["authorization"] = f"Bearer {token}"

    async def logout(self) -> None:
        """Ends the session."""
        await self._exchange("POST", "/api/v1/logout", b"{}", _PERSON_S)
        self._http.headers.pop("authorization", None)
        self.user = ""

    async def query(self, name: str, params: Mapping[str, str] | None = None, *, timeout_s: float = QUERY_S) -> Any:  # noqa: ANN401  # JSON
        """The answer of a query (`model/query.py`) as JSON values.

        Raises Unreachable, Refused (`unauthenticated`, `session_ended`, `permission`), and the node's own errors.
        """
        return decode(await self._exchange("GET", query_target(name, params), b"", timeout_s), Any)

    async def command(self, body: AnyCommand, *, progress: Callable[[CommandReply], None] | None = None) -> CommandReply:
        """Carries a command out and waits for its end; `progress` hears how far it is.

        Outcome and error stand in the reply. Raises as `query`; when the connection broke, nobody knows whether it is done.
        """
        request = CommandRequest(id=uuid.uuid4().hex, body=body, wait_s=_FIRST_WAIT_S)
        sent = await self._exchange("POST", COMMANDS, msgspec.json.encode(request), request.wait_s + SPARE_S)
        reply = decode(sent, CommandReply)
        while reply.outcome == "running":
            if progress is not None:
                progress(reply)
            answer = await self._exchange("GET", follow_target(request.id, _FOLLOW_S), b"", _FOLLOW_S + SPARE_S)
            reply = decode(answer, CommandReply)
        return reply

    async def aclose(self) -> None:
        """Closes the connections. A session goes on until it ends by itself: see `logout`."""
        await self._http.aclose()

    async def _ask_whether_plain_is_welcome(self) -> None:
        """Asks a far node without TLS for anything first: one that refuses plain HTTP says so before a secret leaves."""
        bare = httpx.Request("GET", self._http.base_url.join(query_target("status", None)))
        try:
            await self._answered(bare, _PERSON_S)
        except SiteScopeError as error:
            if error.code != "unauthenticated":
                raise
        self._plain_is_welcome = True

    async def _exchange(self, method: str, target: str, body: bytes, timeout_s: float) -> bytes:
        if not self._plain_is_welcome:
            await self._ask_whether_plain_is_welcome()
        headers = {"content-type": "application/json"} if body else {}
        return await self._answered(self._http.build_request(method, target, content=body or None, headers=headers), timeout_s)

    async def _answered(self, request: httpx.Request, timeout_s: float) -> bytes:
        try:
            with anyio.fail_after(timeout_s):
                response = await self._http.send(request)
        except (httpx.TransportError, OSError) as error:  # a TimeoutError is one
            raise self._failure(error, timeout_s) from error
        if "json" not in response.headers.get("content-type", ""):
            raise unreachable("foreign", self.where, f"it says {response.status_code} and no JSON")
        if response.status_code >= _FAILED:
            raise from_body(decode(response.content, ErrorBody))
        return response.content


async def connect(
    url: str,
    *,
    user: str = "",
    password: str = "",
    token: str = "",
    trusted: Path | None = None,
    trust: Path | None = None,
    read_only: bool = False,
) -> RemoteClient:
    """The node at `url`, after the login of `user`, or shown `token`. Raises as `RemoteClient.at` and `login`."""
    client = RemoteClient.at(url, trusted=trusted, trust=trust, read_only=read_only)
    try:
        if token:
            client.use_token(token)
            await client.query("status")
        else:
            await client.login(user, password)
    except BaseException:
        await client.aclose()
        raise
    return client


def _http(base: str, transport: httpx.AsyncBaseTransport) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=base, transport=transport, trust_env=False, follow_redirects=False, timeout=None)  # noqa: S113  # `_exchange` bounds it


def _local_failure(home: Home, error: Exception, timeout_s: float) -> SiteScopeError:
    found = causes(error)
    if any(isinstance(one, (FileNotFoundError, ConnectionRefusedError)) for one in found):
        return not_running(home)
    if any(isinstance(one, PermissionError) for one in found):
        return not_owner(str(home.root))
    if isinstance(error, TimeoutError):
        return late(str(home.root), timeout_s)
    return broken_off(str(home.root), error)


def _remote_failure(base: httpx.URL, error: Exception, timeout_s: float) -> SiteScopeError:
    if isinstance(error, httpx.TransportError):
        certificate = certificate_error(error)
        return refused(certificate, base.host) if certificate is not None else from_transport(error, base.netloc.decode())
    return unreachable("timeout", base.netloc.decode(), f"{timeout_s:g} s")
