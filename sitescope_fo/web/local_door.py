"""The door for operators on the unix socket: queries and commands, for the owner of the home and root only."""

from __future__ import annotations

import os

from starlette.types import Receive, Scope, Send

from sitescope_fo.model.errors import Refused, SiteScopeError
from sitescope_fo.model.ports import Clock
from sitescope_fo.model.query import QUERIES
from sitescope_fo.model.service import READ_ONLY, Level, OperatorService, Who
from sitescope_fo.web.limits import Limits
from sitescope_fo.web.message import BrokenRequest, headers_of, problem_answer, read_body, send_answer
from sitescope_fo.web.operator_routes import OperatorRoutes


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
        self._routes = OperatorRoutes(service, limits, queries=queries)
        self._clock = clock
        self._limits = limits
        self._owners = {0, os.getuid() if owner_uid is None else owner_uid}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        keep = False
        try:
            headers = headers_of(scope)
            who = self._who(scope, read_only=headers.get(READ_ONLY) == "1")
            body, _ = await read_body(headers, receive, limit=self._limits.body_bytes, timeout_s=self._limits.body_s)
            keep = True
            answer = await self._routes.answer(who, scope, body)
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
