"""The door for operators on the unix socket: queries and commands, for the owner of the home and root only."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import parse_qsl

import anyio
import msgspec
from starlette.types import Receive, Scope, Send

from sitescope_fo.model.command import CommandReply, CommandRequest
from sitescope_fo.model.errors import Internal, Refused, SiteScopeError, Usage
from sitescope_fo.model.ports import Clock
from sitescope_fo.model.query import QUERIES
from sitescope_fo.model.service import READ_ONLY, Answer, Level, OperatorService, Who
from sitescope_fo.web.limits import Limits
from sitescope_fo.web.message import BrokenRequest, headers_of, problem_answer, read_body, send_answer, target_of

PREFIX = "/api/v1/"
LONGEST_WAIT_S = 30.0
_LOOK_EVERY_S = 0.1


class LocalDoor:
    """An ASGI application for a unix listener.

    Who asks is what the kernel says of the connection; the server puts it into the scope.
    """

    def __init__(
        self,
        service: OperatorService,
        clock: Clock,
        limits: Limits,
        *,
        queries: tuple[str, ...] = QUERIES,
        owner_uid: int | None = None,
    ) -> None:
        self._service = service
        self._clock = clock
        self._limits = limits
        self._queries = frozenset(queries)
        self._owners = {0, os.getuid() if owner_uid is None else owner_uid}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        keep = False
        try:
            headers = headers_of(scope)
            who = self._who(scope, read_only=headers.get(READ_ONLY) == "1")
            body, _ = await read_body(headers, receive, limit=self._limits.body_bytes, timeout_s=self._limits.body_s)
            keep = True
            answer = await self._within(self._answer, who, scope, body)
        except BrokenRequest:
            return
        except SiteScopeError as error:
            answer = problem_answer(error)
        await send_answer(
            send,
            answer,
            wall=self._clock.wall(),
            timeout_s=self._limits.send_s,
            extra=None if keep else {"connection": "close"},
            abort=scope.get("state", {}).get("abort"),
        )

    def _who(self, scope: Scope, *, read_only: bool) -> Who:
        uid = scope.get("state", {}).get("peer_uid")
        if uid not in self._owners:
            raise Refused(
                "Only the user that owns this home and root may use its socket",
                where=f"uid {uid}",
                hint="Run the command as that user",
                code="not_owner",
            )
        return Who(name=f"unix:{uid}", level=Level.administrator, read_only=read_only)

    async def _within(self, ask: Callable[[Who, Scope, bytes], Awaitable[Answer]], who: Who, scope: Scope, body: bytes) -> Answer:
        with anyio.move_on_after(self._limits.answer_s):
            return await ask(who, scope, body)
        raise Internal(f"No answer within {self._limits.answer_s:g} s", where=target_of(scope), code="answer_timeout")

    async def _answer(self, who: Who, scope: Scope, body: bytes) -> Answer:
        path, method = scope["path"], scope["method"]
        name = path.removeprefix(PREFIX) if path.startswith(PREFIX) else ""
        params = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
        if name == "commands":
            _allow(method, "POST", path)
            return _told(await self._service.submit(who, _request(body)))
        if name.startswith("commands/"):
            _allow(method, "GET", path)
            return _told(await self._follow(who, name.removeprefix("commands/"), params))
        if name not in self._queries:
            raise Refused(
                f"There is no query '{name or path}'", hint=f"Known: {', '.join(sorted(self._queries))}", code="not_found"
            )
        _allow(method, "GET", path)
        return Answer(body=msgspec.json.encode(await self._service.query(who, name, params)))

    async def _follow(self, who: Who, command_id: str, params: Mapping[str, str]) -> CommandReply:
        """The progress of a command; with `wait=SECONDS`, as soon as there is news or the time is up."""
        first = reply = await self._service.progress(who, command_id)
        with anyio.move_on_after(_wait_s(params)):
            while reply.outcome == "running" and (reply.progress, reply.text) == (first.progress, first.text):
                await anyio.sleep(_LOOK_EVERY_S)
                reply = await self._service.progress(who, command_id)
        return reply


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


def _allow(method: str, allowed: str, path: str) -> None:
    if method != allowed:
        raise Refused(f"{method} is not possible here", where=path, hint=f"Use {allowed}", code="method_not_allowed")


def _told(reply: CommandReply) -> Answer:
    return Answer(status=202 if reply.outcome == "running" else 200, body=msgspec.json.encode(reply))
