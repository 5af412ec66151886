"""What operators may ask, once it is known who they are: queries and commands, the same behind every door."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl

import anyio
import msgspec
from starlette.types import Scope

from sitescope_fo.model.command import CommandReply, CommandRequest
from sitescope_fo.model.errors import Internal, Refused, Usage
from sitescope_fo.model.query import QUERIES
from sitescope_fo.model.service import Answer, OperatorService, Who
from sitescope_fo.web.limits import Limits
from sitescope_fo.web.message import target_of

PREFIX = "/api/v1/"
LONGEST_WAIT_S = 30.0
_LOOK_EVERY_S = 0.1


class OperatorRoutes:
    """`/api/v1/NAME`, `/api/v1/commands`, `/api/v1/commands/ID`."""

    def __init__(self, service: OperatorService, limits: Limits, *, queries: tuple[str, ...] = QUERIES) -> None:
        self._service = service
        self._limits = limits
        self._queries = frozenset(queries)

    async def answer(self, who: Who, scope: Scope, body: bytes) -> Answer:
        """The answer to one request, in `answer_s` at most. Raises SiteScopeError."""
        with anyio.move_on_after(self._limits.answer_s):
            return await self._answer(who, scope, body)
        raise Internal(f"No answer within {self._limits.answer_s:g} s", where=target_of(scope), code="answer_timeout")

    async def _answer(self, who: Who, scope: Scope, body: bytes) -> Answer:
        path, method = scope["path"], scope["method"]
        name = path.removeprefix(PREFIX) if path.startswith(PREFIX) else ""
        params = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
        if name == "commands":
            allow(method, "POST", path)
            return _told(await self._service.submit(who, _request(body)))
        if name.startswith("commands/"):
            allow(method, "GET", path)
            return _told(await self._follow(who, name.removeprefix("commands/"), params))
        if name not in self._queries:
            raise Refused(
                f"There is no query '{name or path}'", hint=f"Known: {', '.join(sorted(self._queries))}", code="not_found"
            )
        allow(method, "GET", path)
        return Answer(body=msgspec.json.encode(await self._service.query(who, name, params)))

    async def _follow(self, who: Who, command_id: str, params: Mapping[str, str]) -> CommandReply:
        """The progress of a command; with `wait=SECONDS`, as soon as there is news or the time is up."""
        first = reply = await self._service.progress(who, command_id)
        with anyio.move_on_after(_wait_s(params)):
            while reply.outcome == "running" and (reply.progress, reply.text) == (first.progress, first.text):
                await anyio.sleep(_LOOK_EVERY_S)
                reply = await self._service.progress(who, command_id)
        return reply


def allow(method: str, allowed: str, path: str) -> None:
    """Raises Refused (`method_not_allowed`) for any method but the one allowed."""
    if method != allowed:
        raise Refused(f"{method} is not possible here", where=path, hint=f"Use {allowed}", code="method_not_allowed")


def _wait_s(params: Mapping[str, str]) -> float:
    try:
        return min(max(float(params.get("wait", "0")), 0.0), LONGEST_WAIT_S)
    except ValueError as error:
        raise Usage(f"wait={params['wait']} is no number of seconds", code="bad_duration") from error


def _request(body: bytes) -> CommandRequest:
    try:
        return msgspec.json.decode(body, type=CommandRequest)
    except msgspec.MsgspecError as error:
        raise Usage(
            f"This is no command: {error}", hint="Is the command line of the same version?", code="bad_command"
        ) from error


def _told(reply: CommandReply) -> Answer:
    return Answer(status=202 if reply.outcome == "running" else 200, body=msgspec.json.encode(reply))
