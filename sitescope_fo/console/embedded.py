"""The console's way to the engine in its own process."""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from sitescope_fo.console.host import EngineHost, Question
from sitescope_fo.console.node_client import QUERY_S
from sitescope_fo.model.command import AnyCommand, CommandReply, CommandRequest
from sitescope_fo.model.errors import Unreachable
from sitescope_fo.model.service import Level, Who

NEWS_EVERY_S = 0.5


class EmbeddedClient:
    """The `NodeClient` of a node on another thread. With `read_only` the engine refuses every command."""

    def __init__(self, host: EngineHost, where: str, *, read_only: bool) -> None:
        self.where, self.read_only = where, read_only
        self._host = host
        self._who = Who(name=f"unix:{os.getuid()}", level=Level.administrator, read_only=read_only)

    async def query(self, name: str, params: Mapping[str, str] | None = None, *, timeout_s: float = QUERY_S) -> Any:  # noqa: ANN401  # JSON
        """See `NodeClient`. Raises Unreachable also while the engine is starting (`starting`) and when it has `ended`."""
        given = dict(params or {})
        answer = await self._ask(lambda api: api.query(self._who, name, given), timeout_s)
        return msgspec.json.decode(msgspec.json.encode(answer))  # the same values as over HTTP; 500 monitors take a millisecond

    async def command(self, body: AnyCommand, *, progress: Callable[[CommandReply], None] | None = None) -> CommandReply:
        """See `NodeClient`."""
        request = CommandRequest(id=uuid.uuid4().hex, body=body, wait_s=NEWS_EVERY_S)
        while True:
            answer = await self._ask(lambda api: api.submit(self._who, request), NEWS_EVERY_S + QUERY_S)
            reply = msgspec.json.decode(msgspec.json.encode(answer), type=CommandReply)
            if reply.outcome != "running":
                return reply
            if progress is not None:
                progress(reply)

    async def aclose(self) -> None:
        """The engine is not the client's: it goes on."""

    async def _ask(self, question: Question, timeout_s: float) -> Any:  # noqa: ANN401  # what the question gives
        try:
            async with asyncio.timeout(timeout_s):
                return await asyncio.wrap_future(self._host.ask(question))
        except TimeoutError as error:
            raise Unreachable(
                f"The engine did not answer within {timeout_s:g} s",
                where=self.where,
                hint="It may be overloaded: see logs/error.log",
                code="timeout",
            ) from error
