"""What a reply says, once it is read: the peer's answer, its error, or that it is not the peer's at all."""

from __future__ import annotations

import msgspec

from sitescope_fo.client.failure import unreachable
from sitescope_fo.model.errors import ErrorBody, Refused, SiteScopeError, Unreachable, Unverifiable, from_body
from sitescope_fo.security.lwsso import ClockSkew, ReplyClaims

PROBLEM = "application/problem+json"
_TOKEN_WRONG = "lwsso_token_wrong"  # noqa: S105  # a code, no secret


class Received(msgspec.Struct, frozen=True, kw_only=True):
    """A reply as it came: `claims` None = not signed by anybody who has our passphrase. Wall times are this node's."""

    status: int
    media: str
    server: str
    etag: str
    body: bytes
    sha256: str
    complete: bool
    claims: ReplyClaims | None
    sent: float
    received: float
    address: str = ""
    encoding: str = ""
    """How `body` is packed (Content-Encoding). `sha256` is that of the body as it came."""

    @property
    def skew_s(self) -> float:
        """The peer's clock minus mine, to within half the round trip."""
        return self.claims.iat - (self.sent + self.received) / 2 if self.claims else 0.0


def unsigned(reply: Received, where: str) -> Unreachable:
    """What an unsigned reply means: our node without our passphrase, or somebody else."""
    if reply.media.startswith(PROBLEM):
        body = _error_body(reply.body)
        if body is not None and body.code.startswith("lwsso_"):
            what = "The two nodes have different LW-SSO passphrases" if body.code == _TOKEN_WRONG else body.what
            return Unverifiable(what, where=where, hint=body.hint, code=body.code)
    by = f" from {reply.server}" if reply.server else ""
    return unreachable("foreign", where, f"HTTP {reply.status}{by} without a valid signature")


def failure_of(reply: Received, claims: ReplyClaims, where: str, *, node_id: str, skew_s: float) -> SiteScopeError | None:
    """Why a signed reply cannot be used; None: it is the peer's answer. `node_id` "" = whoever it is."""
    if node_id and claims.iss != node_id:
        return Unverifiable(
            f"Node {claims.iss} answers there, not {node_id}",
            where=where,
            hint="If it took the other's place, run `profile rebind NAME`",
            code="lwsso_identity",
        )
    if not reply.complete or (claims.status, claims.etag, claims.body_sha256) != (reply.status, reply.etag, reply.sha256):
        return Unverifiable(
            "The reply is not the one that was signed",
            where=where,
            hint="Something between the nodes rewrites replies",
            code="lwsso_altered",
        )
    if abs(reply.skew_s) - (reply.received - reply.sent) / 2 > skew_s:
        return ClockSkew(reply.skew_s, skew_s, where=where)
    return None if reply.status < 400 else _peer_error(reply, where, skew_s)


def _peer_error(reply: Received, where: str, skew_s: float) -> SiteScopeError:
    body = _error_body(reply.body)
    if body is None:
        return Unverifiable(f"The peer answered HTTP {reply.status} without saying why", where=where, code="bad_body")
    if body.code == ClockSkew.default_code:
        return ClockSkew(reply.skew_s, skew_s, where=where)
    if body.code.startswith("lwsso_") or body.code == "wire_version":
        return Unverifiable(body.what, where=where, hint=body.hint, code=body.code)
    error = from_body(body)
    if isinstance(error, Unreachable):
        # Somebody the peer asked does not answer; the peer itself does, and must not be taken for silent.
        return Refused(error.what, where=error.where, hint=error.hint, code=error.code)
    return error


def _error_body(data: bytes) -> ErrorBody | None:
    try:
        return msgspec.json.decode(data, type=ErrorBody)
    except msgspec.MsgspecError:
        return None
