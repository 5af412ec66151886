"""Reading a request's body within limits, and sending an answer: the two ends that every door shares."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from email.utils import formatdate
from http import HTTPStatus
from typing import Any

import anyio
import msgspec
from starlette.types import Receive, Scope, Send

from sitescope_fo.model.errors import ErrorBody, Refused, SiteScopeError
from sitescope_fo.model.service import Answer

PROBLEM = "application/problem+json"
_CHUNK = 256 * 1024
_DRAINED = 1024**2  # what is not read of a refused request's body, and yet no reason to break the connection

_STATUS_OF_CODE = {
    "not_found": 404,
    "unauthenticated": 401,
    "session_ended": 401,
    "token_expired": 401,
    "login_wrong": 401,
    "login_limited": 429,
    "method_not_allowed": 405,
    "body_timeout": 408,
    "too_large": 413,
    "busy": 429,
    "answer_timeout": 503,
}
_STATUS_OF_EXIT = {1: 422, 2: 400, 3: 422, 4: 502, 5: 403, 6: 409}


class Problem(ErrorBody, frozen=True, kw_only=True):
    """An error as RFC 9457 has it, with the product's own members beside."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str


class BrokenRequest(SiteScopeError):
    """A request that went away before it was read; nobody is left to answer."""

    default_code = "gone"


def problem_answer(error: SiteScopeError) -> Answer:
    """The answer that tells `error`."""
    body = error.body()
    status = _STATUS_OF_CODE.get(
        error.code, 401 if error.code.startswith("lwsso_") else _STATUS_OF_EXIT.get(error.exit_code, 500)
    )
    problem = Problem(**msgspec.structs.asdict(body), title=HTTPStatus(status).phrase, status=status, detail=str(error))
    return Answer(status=status, body=msgspec.json.encode(problem), media=PROBLEM)


def headers_of(scope: Scope) -> dict[str, str]:
    """The headers of a request by lower-case name; of a repeated one the last, so that no list can be smuggled into a token."""
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}


def target_of(scope: Scope) -> str:
    """The raw target of a request, with query: what a token is bound to."""
    query = scope["query_string"]
    return str((scope["raw_path"] + (b"?" + query if query else b"")).decode("latin-1"))


async def read_body(headers: Mapping[str, str], receive: Receive, *, limit: int, timeout_s: float) -> tuple[bytes, str]:
    """The body and its SHA-256 in hex, hashed piece by piece as it comes.

    Raises Refused: `too_large` over `limit` bytes (before reading any when its length is announced), `body_timeout`;
    BrokenRequest.
    """
    announced = headers.get("content-length", "")
    if announced.isdigit() and int(announced) > limit:
        raise _too_large(limit)
    digest = hashlib.sha256()
    parts = bytearray()
    with anyio.move_on_after(timeout_s):
        while True:
            message = await receive()
            if message["type"] != "http.request":
                raise BrokenRequest("The connection was closed before the body was complete")
            piece = message.get("body", b"")
            if len(parts) + len(piece) > limit:
                raise _too_large(limit)
            digest.update(piece)
            parts += piece
            if not message.get("more_body", False):
                return bytes(parts), digest.hexdigest()
    raise Refused(
        f"The body did not arrive within {timeout_s:g} s", hint="The sender or the network is too slow", code="body_timeout"
    )


def may_keep(headers: Mapping[str, str]) -> bool:
    """Whether a connection can be kept although the body of this request was not read: short, and of a known length."""
    announced = headers.get("content-length", "0")
    return "transfer-encoding" not in headers and announced.isdigit() and int(announced) <= _DRAINED


async def send_answer(
    send: Send,
    answer: Answer,
    *,
    wall: float,
    timeout_s: float,
    extra: Mapping[str, str] | None = None,
    abort: Callable[[], None] | None = None,
) -> None:
    """Sends an answer in pieces, so that a reader who stops reading holds little of it, and for `timeout_s` at most."""
    headers = [
        (b"date", formatdate(wall, usegmt=True).encode()),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
    ]
    bare = answer.status == HTTPStatus.NOT_MODIFIED
    if not bare:
        headers += [(b"content-type", answer.media.encode()), (b"content-length", str(len(answer.body)).encode())]
    if answer.encoding:
        headers.append((b"content-encoding", answer.encoding.encode("ascii")))
    if answer.etag:
        headers.append((b"etag", answer.etag.encode("latin-1")))
    headers += [(name.encode(), value.encode("latin-1")) for name, value in (extra or {}).items()]
    start: dict[str, Any] = {"type": "http.response.start", "status": answer.status, "headers": headers}
    with anyio.move_on_after(timeout_s) as scope:
        await send(start)
        body = b"" if bare else answer.body
        for at in range(0, len(body), _CHUNK):
            await send({"type": "http.response.body", "body": body[at : at + _CHUNK], "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})
    if scope.cancelled_caught and abort is not None:
        abort()


def _too_large(limit: int) -> Refused:
    return Refused(f"The body has more than {limit} bytes", hint="Send less at once", code="too_large")
