"""The door for peers, `/api/v1/…` on the network listener: token, then body, then service, then a signed reply."""

from __future__ import annotations

import hashlib
from http import HTTPStatus

import anyio
import msgspec
from starlette.types import Receive, Scope, Send

from sitescope_fo.model import packing, wire
from sitescope_fo.model.errors import Internal, SiteScopeError
from sitescope_fo.model.ports import Clock, Work
from sitescope_fo.model.service import Answer, PeerService
from sitescope_fo.security.gate import Caller, Gate, TokenRefused
from sitescope_fo.security.lwsso import AUTHORIZATION, REPLY
from sitescope_fo.web.limits import LARGE_PATHS, Limits
from sitescope_fo.web.message import (
    BrokenRequest,
    headers_of,
    may_keep,
    problem_answer,
    read_body,
    send_answer,
    target_of,
)
from sitescope_fo.web.slots import Slots

CALLER = "lwsso_caller"
_HASHED_INLINE = 1024**2  # 1 MiB of SHA-256 takes about 1 ms; more goes to a worker
_PACKED_INLINE = 64 * 1024  # takes 1 ms


class PeerDoor:
    """An ASGI application. Nothing of a request but its headers is looked at before its token is verified."""

    def __init__(self, service: PeerService, gate: Gate, clock: Clock, work: Work, limits: Limits) -> None:
        self._service = service
        self._gate = gate
        self._clock = clock
        self._work = work
        self._limits = limits
        self._slots = Slots(limits.requests_a_peer, "peer")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        headers = headers_of(scope)
        caller = None
        keep = True
        try:
            keep = may_keep(headers)
            caller = self._admit(scope, headers)
            scope.setdefault("state", {})[CALLER] = caller
            with self._slots.one(caller.peer_id):
                body, digest = await self._read(scope["path"], headers, receive)
                keep = True
                self._gate.check_body(caller, digest)
                answer = await self._ask(caller, scope, body, headers.get("if-none-match", ""))
                if packing.DEFLATE in headers.get("accept-encoding", ""):
                    answer = await self._pack(answer)
        except BrokenRequest:
            return
        except TokenRefused as refused:
            caller, answer = refused.caller, problem_answer(refused)
        except SiteScopeError as error:
            answer = problem_answer(error)
        extra = await self.signature(caller, answer)
        if not keep:
            extra["connection"] = "close"
        if answer.status == HTTPStatus.UNAUTHORIZED:
            extra["www-authenticate"] = "LWSSO"
        await send_answer(
            send,
            answer,
            wall=self._clock.wall(),
            timeout_s=self._limits.send_s,
            extra=extra,
            abort=scope.get("state", {}).get("abort"),
        )

    async def signature(self, caller: Caller | None, answer: Answer) -> dict[str, str]:
        """The header that signs `answer` for `caller`; none for an unknown one."""
        if caller is None:
            return {}
        digest = await self._hash(b"" if answer.status == HTTPStatus.NOT_MODIFIED else answer.body)
        return {REPLY: self._gate.sign(caller, answer.status, digest, etag=answer.etag)}

    def _admit(self, scope: Scope, headers: dict[str, str]) -> Caller:
        method, path = scope["method"], scope["path"]
        first = (method == "GET" and path == wire.HEALTH) or (method == "PUT" and path.startswith(wire.PEERS))
        return self._gate.admit(
            headers.get(AUTHORIZATION, ""),
            method,
            target_of(scope),
            etag=headers.get("if-none-match", ""),
            first_contact=first,
        )

    async def _read(self, path: str, headers: dict[str, str], receive: Receive) -> tuple[bytes, str]:
        large = path.startswith(LARGE_PATHS)
        return await read_body(
            headers,
            receive,
            limit=self._limits.large_body_bytes if large else self._limits.body_bytes,
            timeout_s=self._limits.large_body_s if large else self._limits.body_s,
        )

    async def _ask(self, caller: Caller, scope: Scope, body: bytes, etag: str) -> Answer:
        with anyio.move_on_after(self._limits.answer_s):
            return await self._service.answer(caller.peer_id, scope["method"], scope["path"], body, etag)
        raise Internal(f"No answer within {self._limits.answer_s:g} s", where=scope["path"], code="answer_timeout")

    async def _pack(self, answer: Answer) -> Answer:
        """The answer packed for the way, where that makes it shorter."""
        if answer.encoding or len(answer.body) < packing.LEAST_BYTES:
            return answer
        if len(answer.body) <= _PACKED_INLINE:
            packed = packing.pack(answer.body)
        else:
            packed = await self._work.run_blocking(packing.pack, answer.body)
        if len(packed) >= len(answer.body):
            return answer
        return msgspec.structs.replace(answer, body=packed, encoding=packing.DEFLATE)

    async def _hash(self, body: bytes) -> str:
        if len(body) <= _HASHED_INLINE:
            return hashlib.sha256(body).hexdigest()
        return await self._work.run_blocking(_sha256, body)


def _sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()
