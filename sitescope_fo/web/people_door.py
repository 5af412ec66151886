"""The door for people and scripts on the network: a login, or a token with each request, then the routes of every operator.

Order: is the way safe enough -> who is it -> may a browser's page have sent it -> the body -> the answer. Nothing of a body is
read for somebody unknown, but the few bytes of a login.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from typing import NamedTuple
from urllib.parse import urlsplit

import msgspec
from starlette.types import Receive, Scope, Send

from sitescope_fo.model.errors import Refused, SiteScopeError, Usage
from sitescope_fo.model.ports import Clock
from sitescope_fo.model.query import QUERIES
from sitescope_fo.model.service import READ_ONLY, Answer, Login, OperatorService, PeopleService, Who
from sitescope_fo.security.attempts import LoginLimited
from sitescope_fo.web.limits import Limits
from sitescope_fo.web.message import BrokenRequest, headers_of, may_keep, problem_answer, read_body, send_answer
from sitescope_fo.web.operator_routes import PREFIX, OperatorRoutes, allow
from sitescope_fo.web.slots import Slots

LOGIN, LOGOUT = f"{PREFIX}login", f"{PREFIX}logout"
_COOKIE = "sitescope_session"
_BEARER = "bearer "
_READING = {"GET", "HEAD"}


class _Shown(NamedTuple):
    """What a request carries: a token, and whether the browser added it by itself."""

    token: str
    by_cookie: bool


class PeopleDoor:
    """An ASGI application for the network listener."""

    def __init__(
        self,
        service: OperatorService,
        people: PeopleService,
        clock: Clock,
        limits: Limits,
        *,
        queries: tuple[str, ...] = QUERIES,
    ) -> None:
        self._routes = OperatorRoutes(service, limits, queries=queries)
        self._people = people
        self._clock = clock
        self._limits = limits
        self._slots = Slots(limits.requests_a_person, "user")
        self._logins = Slots(limits.logins_an_address, "address")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        headers = headers_of(scope)
        extra: dict[str, str] = {}
        keep = may_keep(headers)
        try:
            self._refuse_in_clear(scope)
            if scope["path"] == LOGIN:
                answer = await self._login(scope, headers, receive, extra)
            else:
                answer = await self._ask(scope, headers, receive, extra)
            keep = True
        except BrokenRequest:
            return
        except SiteScopeError as error:
            answer = problem_answer(error)
            if isinstance(error, LoginLimited):
                extra["retry-after"] = f"{error.wait_s:.0f}"
            if error.code == "session_ended" and _COOKIE in headers.get("cookie", ""):
                extra["set-cookie"] = _cookie(scope, "", ends=True)
        if not keep:
            extra["connection"] = "close"
        if answer.status == HTTPStatus.UNAUTHORIZED:
            extra["www-authenticate"] = "Bearer"
        await send_answer(
            send,
            answer,
            wall=self._clock.wall(),
            timeout_s=self._limits.send_s,
            extra=extra,
            abort=scope.get("state", {}).get("abort"),
        )

    async def _login(self, scope: Scope, headers: Mapping[str, str], receive: Receive, extra: dict[str, str]) -> Answer:
        allow(scope["method"], "POST", LOGIN)
        _refuse_from_elsewhere(headers, json_only=True)
        address = _address(scope)
        with self._logins.one(address):
            body, _ = await read_body(headers, receive, limit=self._limits.login_bytes, timeout_s=self._limits.login_s)
            found = await self._people.login(_asked(body), address)
        extra["set-cookie"] = _cookie(scope, found.token)
        return Answer(body=msgspec.json.encode(found))

    async def _ask(self, scope: Scope, headers: Mapping[str, str], receive: Receive, extra: dict[str, str]) -> Answer:
        shown = _shown(scope, headers)
        who = self._people.who(shown.token)
        if shown.by_cookie and scope["method"] not in _READING:
            _refuse_from_elsewhere(headers)
        if headers.get(READ_ONLY) == "1":
            who = msgspec.structs.replace(who, read_only=True)
        with self._slots.one(who.name):
            body, _ = await read_body(headers, receive, limit=self._limits.body_bytes, timeout_s=self._limits.body_s)
            if scope["path"] == LOGOUT:
                return self._logout(scope, shown, who, extra)
            return await self._routes.answer(who, scope, body)

    def _logout(self, scope: Scope, shown: _Shown, who: Who, extra: dict[str, str]) -> Answer:
        allow(scope["method"], "POST", LOGOUT)
        self._people.logout(shown.token)
        extra["set-cookie"] = _cookie(scope, "", ends=True)
        return Answer(body=msgspec.json.encode({"user": who.name}))

    def _refuse_in_clear(self, scope: Scope) -> None:
        if scope["scheme"] == "https" or self._people.allow_plain or _is_loopback(_address(scope)):
            return
        raise Refused(
            "Without TLS this node lets people in from its own machine only",
            where="login",
            hint="Turn TLS on (`config set web.tls true`), or on a network you trust: `config set web.allow_plain true`",
            code="plain_refused",
        )


def _asked(body: bytes) -> Login:
    try:
        return msgspec.json.decode(body, type=Login)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        # Without msgspec's own words: they may repeat what was typed.
        raise Usage("This is no login", where=LOGIN, hint='Send {"user": "…", "password": "…"}', code="bad_login") from error


def _shown(scope: Scope, headers: Mapping[str, str]) -> _Shown:
    """The token of a request. Raises Refused (`unauthenticated`)."""
    header = headers.get("authorization", "")
    if header[: len(_BEARER)].lower() == _BEARER:
        return _Shown(header[len(_BEARER) :].strip(), by_cookie=False)
    try:
        morsel = SimpleCookie(headers.get("cookie", "")).get(_cookie_name(scope))
    except CookieError:
        morsel = None
    if morsel is not None and morsel.value:
        return _Shown(morsel.value, by_cookie=True)
    raise Refused(
        "Nobody is logged in",
        where=scope["path"],
        hint=f"POST {LOGIN}, or send `Authorization: Bearer TOKEN` (see `token add`)",
        code="unauthenticated",
    )


def _refuse_from_elsewhere(headers: Mapping[str, str], *, json_only: bool = False) -> None:
    """A page of another site can make a browser send a form with a cookie, but neither JSON nor a header of its own."""
    is_json = headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json"
    origin = headers.get("origin", "")
    elsewhere = bool(origin) and urlsplit(origin).netloc.lower() != headers.get("host", "").lower()
    if not elsewhere and (is_json or (not json_only and headers.get("x-requested-with"))):
        return
    raise Refused(
        "This request may come from a page of another site",
        where=origin or "content-type",
        hint="Send `Content-Type: application/json`, from a page of this node if from a page at all",
        code="cross_site",
    )


def _cookie_name(scope: Scope) -> str:
    """Browsers keep cookies by host, whatever the port: two nodes of one machine must not end each other's sessions."""
    server = scope.get("server")
    return f"{_COOKIE}_{server[1]}" if server else _COOKIE


def _cookie(scope: Scope, token: str, *, ends: bool = False) -> str:
    parts = [f"{_cookie_name(scope)}={token}", "Path=/", "HttpOnly", "SameSite=Strict"]
    if scope["scheme"] == "https":
        parts.append("Secure")
    if ends:
        parts.append("Max-Age=0")
    return "; ".join(parts)


def _address(scope: Scope) -> str:
    client = scope.get("client")
    return str(client[0]) if client else ""


def _is_loopback(address: str) -> bool:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return (mapped or found).is_loopback
