"""Who is let in: judges request tokens before anything else of a request is read, and signs the replies.

A token is accepted once. Its issue time may differ from this node's clock by the allowed skew, plus its life of 60 s; nonces
are kept for that whole span. What a restarted process no longer remembers, a token could replay: so for one span after its
start (and after the wall clock stepped back) a token must carry the process's *boot word*, which every signed reply tells. A
sender that does not know it yet gets `lwsso_expired` once, with the word, whatever either clock says.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from sitescope_fo.model.errors import Unverifiable
from sitescope_fo.model.ports import Clock, Randomness
from sitescope_fo.security.lwsso import (
    LIFE_S,
    SKEW_S,
    UNBOUND,
    ClockSkew,
    ReplyClaims,
    RequestClaims,
    Root,
    open_request,
    seal_reply,
)

NONCES_A_PEER = 100_000
PEERS = 1_000
_STEP_BACK_S = 1.0


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """A peer whose token opened: enough to check its body and to sign what it gets."""

    peer_id: str
    nonce: str
    body_sha256: str
    root: Root


class TokenRefused(Unverifiable):
    """A request that is not let in. `caller` is set when the token opened, so that the refusal can be signed."""

    def __init__(self, what: str, *, code: str, hint: str = "", caller: Caller | None = None) -> None:
        super().__init__(what, where="Authorization", hint=hint, code=code)
        self.caller = caller


class Gate:
    """The token side of one node's listener. Not thread-safe: lives on the engine loop."""

    def __init__(
        self,
        node_id: str,
        roots: Callable[[], tuple[Root, ...]],
        clock: Clock,
        randomness: Randomness,
        *,
        skew_s: float = SKEW_S,
        nonces_a_peer: int = NONCES_A_PEER,
    ) -> None:
        self._node_id = node_id
        self._roots = roots
        self._clock = clock
        self._randomness = randomness
        self._skew_s = skew_s
        self._span_s = LIFE_S + 2 * skew_s
        self._nonces_a_peer = nonces_a_peer
        self._nonces: dict[str, dict[str, float]] = {}
        self.root_of: dict[str, str] = {}
        """Id of the root each peer used last: a rotation is through when all use the newest."""
        self._offset_s = 0.0
        self._guarded_until = 0.0
        self._boot = ""
        self._new_boot()

    def admit(self, header: str, method: str, target: str, *, etag: str = "", first_contact: bool = False) -> Caller:
        """The caller of a request, from its Authorization header, method, raw target and If-None-Match.

        `first_contact`: this route may be asked by a node that does not know my id yet. Raises TokenRefused:
        `lwsso_not_set`, `lwsso_token_wrong`, `lwsso_altered`, `lwsso_identity`, `lwsso_clock_skew`, `lwsso_expired`,
        `lwsso_replayed`, `lwsso_busy`.
        """
        roots = self._roots()
        if not roots:
            raise TokenRefused(
                "No LW-SSO passphrase is set on this node",
                code="lwsso_not_set",
                hint="Run `lwsso set` with the same one on both nodes",
            )
        opened = open_request(roots, header) if header else None
        if opened is None:
            raise TokenRefused(
                "The token was not made with this node's LW-SSO passphrase" if header else "The request carries no LW-SSO token",
                code="lwsso_token_wrong",
                hint="Run `lwsso set` with the same passphrase on both nodes",
            )
        claims, root = opened
        caller = Caller(peer_id=claims.iss, nonce=claims.nonce, body_sha256=claims.body_sha256, root=root)
        if (claims.method, claims.path, claims.etag) != (method, target, etag):
            raise TokenRefused(
                "The token was made for another request",
                code="lwsso_altered",
                hint="Something between the nodes rewrites requests",
                caller=caller,
            )
        self._check_identity(claims, caller, first_contact=first_contact)
        self._check_age(claims, caller)
        self._remember(claims, caller)
        self.root_of[claims.iss] = root.id
        return caller

    def check_body(self, caller: Caller, sha256: str) -> None:
        """Raises TokenRefused (`lwsso_altered`) when the body is not the one that was signed."""
        if sha256 != caller.body_sha256:
            raise TokenRefused(
                "The body is not the one that was signed",
                code="lwsso_altered",
                hint="Something between the nodes rewrites requests",
                caller=caller,
            )

    def sign(self, caller: Caller, status: int, sha256: str, *, etag: str = "") -> str:
        """The X-LWSSO-Reply header of a reply to `caller`."""
        claims = ReplyClaims(
            iss=self._node_id,
            aud=caller.peer_id,
            nonce=caller.nonce,
            status=status,
            body_sha256=sha256,
            iat=self._clock.wall(),
            etag=etag,
            boot=self._boot,
        )
        return seal_reply(caller.root, claims)

    def _check_identity(self, claims: RequestClaims, caller: Caller, *, first_contact: bool) -> None:
        if claims.iss == self._node_id:
            raise TokenRefused(
                f"The asker has this node's own id {self._node_id}",
                code="lwsso_identity",
                hint="A node cannot be its own peer; a copied home needs an id of its own",
                caller=caller,
            )
        if claims.aud == self._node_id or (claims.aud == UNBOUND and first_contact):
            return
        raise TokenRefused(
            f"The request is for node {claims.aud}, this is {self._node_id}",
            code="lwsso_identity",
            hint="If this node took the other's place, run `profile rebind NAME` on the failover",
            caller=caller,
        )

    def _check_age(self, claims: RequestClaims, caller: Caller) -> None:
        now = self._clock.now()
        ahead_s = claims.iat - now.wall
        if not -(LIFE_S + self._skew_s) <= ahead_s <= self._skew_s:
            skew = ClockSkew(ahead_s, self._skew_s)
            raise TokenRefused(skew.what, code=skew.code, hint=skew.hint, caller=caller)
        offset_s = now.wall - now.mono
        if offset_s < self._offset_s - _STEP_BACK_S:
            self._new_boot()
        self._offset_s = max(self._offset_s, offset_s)
        if now.mono < self._guarded_until and claims.boot != self._boot:
            raise TokenRefused(
                "The token may be older than this process",
                code="lwsso_expired",
                hint="The sender repeats the request by itself",
                caller=caller,
            )

    def _remember(self, claims: RequestClaims, caller: Caller) -> None:
        now = self._clock.mono()
        seen = self._nonces.get(claims.iss)
        if seen is None:
            self._make_room(now)
            if len(self._nonces) >= PEERS:
                raise TokenRefused("Too many peers at once", code="lwsso_busy", hint="Ask again later", caller=caller)
            seen = self._nonces[claims.iss] = {}
        _drop_old(seen, now)
        if claims.nonce in seen:
            raise TokenRefused(
                "The token was used before", code="lwsso_replayed", hint="Somebody repeats recorded requests", caller=caller
            )
        if len(seen) >= self._nonces_a_peer:
            raise TokenRefused(
                f"More than {self._nonces_a_peer} requests in {self._span_s:g} s",
                code="lwsso_busy",
                hint="Ask less often",
                caller=caller,
            )
        seen[claims.nonce] = now + self._span_s

    def _make_room(self, now: float) -> None:
        for peer_id, seen in list(self._nonces.items()):
            _drop_old(seen, now)
            if not seen:
                del self._nonces[peer_id]

    def _new_boot(self) -> None:
        now = self._clock.now()
        self._boot = self._randomness.token(8)
        self._guarded_until = now.mono + self._span_s
        self._offset_s = now.wall - now.mono


def _drop_old(seen: dict[str, float], now: float) -> None:
    """Entries stand in the order of their end, because all live equally long."""
    while seen:
        nonce = next(iter(seen))
        if seen[nonce] > now:
            return
        del seen[nonce]
