"""The network between the nodes, without sockets: requests travel, get lost, wait, and are answered by the other's `PeerApi`.

What comes back is judged by the product's own `client.verdict`, so every error is the one that the HTTP client would raise.
"""

import hashlib
from dataclasses import dataclass, field

import anyio
import trio

from sitescope_fo.client.failure import unreachable
from sitescope_fo.client.verdict import Received, failure_of, unsigned
from sitescope_fo.model import wire
from sitescope_fo.model.errors import SiteScopeError, Unverifiable
from sitescope_fo.model.ports import PeerReply
from sitescope_fo.model.service import Answer
from sitescope_fo.security.gate import TokenRefused
from sitescope_fo.security.lwsso import UNBOUND, ClockSkew, ReplyClaims
from sitescope_fo.web.message import problem_answer

SKEW_S = 30.0
RETRANSMIT_S = 0.2
LONGEST_RETRANSMIT_S = 4.0


@dataclass(eq=False)
class Exchange:
    """One request and what became of it."""

    source: object
    where: str
    method: str
    path: str
    body: bytes
    etag: str
    audience: str
    sent: float
    began: float
    target: object = None
    reply: Received | None = None
    error: SiteScopeError | None = None
    over: trio.Event = field(default_factory=trio.Event)
    given_up: bool = False

    def end(self, *, error=None, reply=None):
        if not self.over.is_set():
            self.error, self.reply = error, reply
            self.over.set()


class Network:
    """Faults are attributes: `latency`, `loss` (share of packets sent again), `no_way_to` (machine names), `lose_replies`."""

    def __init__(self, world, rng):
        self._world, self.chance = world, rng
        self.latency = (0.0005, 0.004)
        self.loss = 0.0
        self.no_way_to = set()
        self.slow_answers = (0.0, 0.0)
        self.lose_replies = []
        """Path beginnings: the reply to the next such request is lost after the request was carried out."""
        self.requests = 0
        self.repeated = 0.0
        """Share of requests that arrive twice; only over HTTP, where the second one is a replay."""
        self.garbling = 0.0
        """Share of replies in which something on the way changes a byte or the signature; only over HTTP."""
        self.recorded = []
        """(machine, request) of the newest requests over HTTP, as somebody on the way writes them down."""

    # --- the asking side --------------------------------------------------------------------------------------------

    async def request(self, source, peer, method, path, body, timeout_s, etag):
        """As `PeerClient.request`."""
        self.requests += 1
        asked = Exchange(
            source, f"{peer.host}:{peer.port}", method, path, body, etag, peer.node_id or UNBOUND, source.clock.wall(),
            anyio.current_time(), self._world.machines.get(peer.host),
        )  # fmt: skip
        self._world.spawn(self._carry, asked)
        try:
            with anyio.move_on_after(timeout_s):
                await asked.over.wait()
        finally:
            asked.given_up = True
        if asked.error is not None:
            raise asked.error
        if asked.reply is None:
            raise unreachable("timeout", asked.where, f"{timeout_s:g} s")
        return self._judge(asked, asked.reply, peer.node_id)

    def _judge(self, asked, reply, node_id):
        claims = reply.claims
        if claims is None:
            raise unsigned(reply, asked.where)
        failure = failure_of(reply, claims, asked.where, node_id=node_id, skew_s=SKEW_S)
        if failure is not None:
            raise failure
        self._world.watch.heard(asked, reply)
        return PeerReply(status=reply.status, body=reply.body, etag=reply.etag, skew_s=reply.skew_s, peer_id=claims.iss)

    # --- on the way -------------------------------------------------------------------------------------------------

    async def travel(self, source, target):
        """Returns when the message is there; retransmits like TCP."""
        pause = RETRANSMIT_S
        while not self._passes(source, target):
            await anyio.sleep(pause)
            pause = min(2 * pause, LONGEST_RETRANSMIT_S)
        await anyio.sleep(self.chance.uniform(*self.latency))

    def _passes(self, source, target):
        open_way = source.reachable and target.reachable and target.name not in self.no_way_to
        return open_way and self.chance.random() >= self.loss

    async def _carry(self, asked):
        target = asked.target
        if target is None:
            asked.end(error=unreachable("unresolved", asked.where))
            return
        await self.travel(asked.source, target)
        if asked.given_up:
            return
        if target.foreign:
            await self.travel(target, asked.source)
            asked.end(error=unreachable("foreign", asked.where, "HTTP 200 from nginx without a valid signature"))
        elif target.process is None or target.process.dead or target.api is None:
            await self.travel(target, asked.source)
            asked.end(error=unreachable("refused", asked.where))
        elif target.certificate_fault:
            await self.travel(target, asked.source)
            asked.end(error=Unverifiable("The certificate has expired", where=asked.where, code=target.certificate_fault))
        else:
            target.process.spawn(self._serve, asked, target, target.process)

    # --- the answering side; runs as a task of the target's process ---------------------------------------------------

    async def _serve(self, asked, target, process):
        served = False
        try:
            low, high = self.slow_answers
            if high:
                await anyio.sleep(self.chance.uniform(low, high))
            await process.breathe()
            answer, signed = await self._answer(asked, target)
            served = not process.dead
        finally:
            if not served:
                self._world.spawn(self._reset, asked, target)
        if served:
            self._world.spawn(self._back, asked, target, answer, signed, target.clock.wall())

    async def _answer(self, asked, target):
        source = asked.source
        try:
            if source.passphrase != target.passphrase:
                raise TokenRefused("The token was not made with this node's LW-SSO passphrase", code="lwsso_token_wrong")
            first = asked.path == wire.HEALTH or asked.path.startswith(wire.PEERS)
            if asked.audience != target.node_id and not (asked.audience == UNBOUND and first):
                raise TokenRefused(f"This is {target.node_id}", code="lwsso_identity")
            ahead = asked.sent - target.clock.wall()
            if not -60 - SKEW_S <= ahead <= SKEW_S:
                raise ClockSkew(ahead, SKEW_S)
            if target.wire_version != wire.WIRE:
                raise Unverifiable(f"This node speaks wire version {target.wire_version}", code="wire_version")
            return await target.api.answer(source.node_id, asked.method, asked.path, asked.body, asked.etag), True
        except SiteScopeError as error:
            return problem_answer(error), error.code != "lwsso_token_wrong"

    async def _back(self, asked, target, answer: Answer, signed, iat):
        if self.loses(asked.path, asked.method):
            return
        await self.travel(target, asked.source)
        digest = hashlib.sha256(answer.body).hexdigest()
        claims = ReplyClaims(
            iss=target.node_id, aud=asked.source.node_id, nonce="", status=answer.status, body_sha256=digest, iat=iat,
            etag=answer.etag,
        )  # fmt: skip
        asked.end(
            reply=Received(
                status=answer.status, media=answer.media, server="", etag=answer.etag, body=answer.body, sha256=digest,
                complete=True, claims=claims if signed else None, sent=asked.sent, received=asked.source.clock.wall(),
            )
        )  # fmt: skip

    def loses(self, path, method):
        """Whether the reply to this request is one of those that get lost."""
        lost = next((beginning for beginning in self.lose_replies if path.startswith(beginning)), None)
        if lost is None:
            return False
        self.lose_replies.remove(lost)
        self._world.part()
        self._world.tell("network", f"the reply to {method} {path} is lost")
        return True

    def repeats(self):
        """Whether this request arrives twice."""
        return self.repeated > 0 and self.chance.random() < self.repeated

    def garbles(self):
        """Whether something on the way rewrites this reply."""
        return self.garbling > 0 and self.chance.random() < self.garbling

    async def _reset(self, asked, target):
        await self.travel(target, asked.source)
        asked.end(error=unreachable("reset", asked.where))


class SimClient:
    """The `PeerClient` of one process."""

    def __init__(self, process, machine):
        self._process, self._machine = process, machine

    async def request(self, peer, method, path, body=b"", *, timeout_s, etag=""):
        await self._process.breathe()
        network = self._machine.world.network
        try:
            return await network.request(self._machine, peer, method, path, body, timeout_s, etag)
        finally:
            await self._process.breathe()
