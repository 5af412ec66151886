"""The two applications, for the network and for the unix socket.

On the network, peers and people have a door each. What a request shows and asks for decides which one answers it;
neither passes a request on to the other.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from sitescope_fo.model import wire
from sitescope_fo.model.errors import Internal, Refused
from sitescope_fo.model.ports import Clock, Work
from sitescope_fo.model.query import QUERIES
from sitescope_fo.model.service import Answer, OperatorService, PeerService, PeopleService
from sitescope_fo.security.gate import Gate
from sitescope_fo.security.lwsso import AUTHORIZATION
from sitescope_fo.web.limits import Limits
from sitescope_fo.web.local_door import LocalDoor
from sitescope_fo.web.message import headers_of, problem_answer
from sitescope_fo.web.peer_door import CALLER, PeerDoor
from sitescope_fo.web.people_door import PeopleDoor

_SIGNED = "LWSSO"
PEER_PATHS = {wire.HEALTH, wire.REACH, "/api/v1/merge"}
PEER_FOLDERS = ("/api/v1/mirror/", "/api/v1/state/", "/api/v1/handover/", wire.PEERS, "/api/v1/logs/")


def network_app(
    service: PeerService,
    gate: Gate,
    clock: Clock,
    work: Work,
    *,
    operators: tuple[OperatorService, PeopleService] | None = None,
    limits: Limits | None = None,
    routes: Sequence[BaseRoute] = (),
) -> ASGIApp:
    """What the TCP listener serves: `/healthz` to anyone, `/api/v1/…` to peers and people, and further `routes` (pages).

    `operators`: what people may ask, and who they are; without, there are only peers.

    A bug behind a peer route is answered with a signed problem, so that a peer sees a living node, and goes on to the
    server, which logs it.
    """
    limits = limits or Limits()
    door = PeerDoor(service, gate, clock, work, limits)
    api: ASGIApp = door if operators is None else _TwoDoors(door, PeopleDoor(*operators, clock, limits))

    async def crashed(request: Request, _error: Exception) -> Response:
        answer = _crash(request)
        headers = await door.signature(getattr(request.state, CALLER, None), answer)
        return _response(answer, headers)

    return _app(api, routes, crashed)


class _TwoDoors:
    """Peers are known by their token and by their routes; everything else is for people."""

    def __init__(self, peers: ASGIApp, people: ASGIApp) -> None:
        self._peers = peers
        self._people = people

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        path = scope["path"]
        signed = headers_of(scope).get(AUTHORIZATION, "").startswith(_SIGNED)
        is_peer = signed or path in PEER_PATHS or path.startswith(PEER_FOLDERS)
        await (self._peers if is_peer else self._people)(scope, receive, send)


def local_app(
    service: OperatorService,
    clock: Clock,
    *,
    limits: Limits | None = None,
    queries: tuple[str, ...] = QUERIES,
    owner_uid: int | None = None,
) -> ASGIApp:
    """What the unix listener serves: `/healthz`, queries by name, commands.

    `owner_uid`: whose home it is, this process's user unless given.
    """

    async def crashed(request: Request, _error: Exception) -> Response:
        return _response(_crash(request))

    return _app(LocalDoor(service, clock, limits or Limits(), queries=queries, owner_uid=owner_uid), (), crashed)


def _app(door: ASGIApp, routes: Sequence[BaseRoute], crashed: Callable[[Request, Exception], Awaitable[Response]]) -> Starlette:
    return Starlette(
        routes=[Route("/healthz", _healthz), Mount("/api/v1", app=door), *routes],
        exception_handlers={HTTPException: _no_route, Exception: crashed},
    )


async def _healthz(_request: Request) -> Response:
    return _response(Answer(body=b'{"status":"ok"}'))


async def _no_route(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 404
    code = "method_not_allowed" if status == 405 else "not_found"
    return _response(problem_answer(Refused("There is nothing here", where=request.url.path, code=code)))


def _crash(request: Request) -> Answer:
    return problem_answer(Internal("The request met an error of ours", where=request.url.path, hint="See error.log"))


def _response(answer: Answer, headers: Mapping[str, str] | None = None) -> Response:
    return Response(answer.body, answer.status, headers, answer.media)
