"""What authenticated peers may ask of this node. Transport-free: HTTP and simulations call `answer` alike."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from sitescope_fo.engine import exchange, operator_state
from sitescope_fo.engine.state import MONITOR
from sitescope_fo.failover import machine, primary
from sitescope_fo.failover.state import PrimarySide
from sitescope_fo.mirror.parts import digest_of_skipped
from sitescope_fo.model import wire
from sitescope_fo.model.config import Peer, Profile
from sitescope_fo.model.errors import Refused, Unreachable
from sitescope_fo.model.fact import (
    BootCheckHeard,
    GoodbyeHeard,
    LedgerReceived,
    OperatorStateReceived,
    PeerHeard,
    RunAsked,
    YieldAsked,
)
from sitescope_fo.model.ports import PeerAddress
from sitescope_fo.model.service import Answer
from sitescope_fo.model.status import Role
from sitescope_fo.node import reach
from sitescope_fo.node.executor import peer_address
from sitescope_fo.store.errors import StoreWriteFailed

if TYPE_CHECKING:
    from sitescope_fo.node.core import Node

TAR = "application/x-tar"
_Route = Callable[[str, bytes, str], Awaitable[Answer]]


def _json(body: wire.Body, etag: str = "") -> Answer:
    return Answer(body=wire.encode(body), etag=etag)


class PeerApi:
    """The `PeerService` of one node."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._anyone: dict[tuple[str, str], _Route] = {("GET", wire.HEALTH): self._health, ("GET", wire.REACH): self._reach}
        self._on_primary: dict[tuple[str, str], _Route] = {
            ("GET", wire.MANIFEST): self._manifest,
            ("POST", wire.PARTS): self._parts,
            ("POST", wire.ENTRIES): self._entries,
            ("POST", wire.FILES): self._files,
            ("GET", wire.LEDGER): self._ledger,
            ("PUT", wire.LEDGER): self._take_ledger,
            ("GET", wire.CHECKS): self._checks,
            ("PUT", wire.CHECKS): self._take_checks,
            ("GET", wire.OPERATOR): self._operator,
            ("PUT", wire.OPERATOR): self._take_operator,
            ("POST", wire.YIELD): self._yield,
            ("POST", wire.STEP): self._run_step,
        }
        self._on_failover: dict[tuple[str, str], _Route] = {
            ("POST", wire.BOOT_CHECK): self._boot_check,
            ("POST", wire.GOODBYE): self._goodbye,
        }

    async def answer(self, peer_id: str, method: str, path: str, body: bytes, etag: str) -> Answer:
        """See `PeerService`."""
        node = self._node
        if node.stopping and (method, path) != ("GET", wire.HEALTH):  # a probe is told so by the state, which is no error
            raise Unreachable("This node is stopping", where=node.world.host, code="stopping")
        if route := self._anyone.get((method, path)):
            self._note(peer_id)
            return await route(peer_id, body, etag)
        if method == "PUT" and path.startswith(wire.PEERS):
            self._for(Role.primary, path)
            return await self._announce(peer_id, path.removeprefix(wire.PEERS), body)
        if route := self._on_primary.get((method, path)):
            self._for(Role.primary, path)
            self._known(peer_id)
            self._note(peer_id)
            return await route(peer_id, body, etag)
        if route := self._on_failover.get((method, path)):
            self._for(Role.failover, path)
            return await route(peer_id, body, etag)
        raise Refused("There is no such route", where=f"{method} {path}", code="not_found")

    def _for(self, role: Role, path: str) -> None:
        if self._node.role is not role:
            raise Refused(
                f"This node is a {self._node.role.value}; only a {role.value} answers this",
                where=path,
                hint="Check the host and port of the profile or peer",
                code="wrong_role",
            )

    def _known(self, peer_id: str) -> Peer:
        for peer in self._node.world.ha.peers:
            if peer.node_id == peer_id and peer.accepted:
                return peer
        raise Refused(
            "This failover is not accepted here",
            where=peer_id,
            hint=f"On the primary: sitescope-fo peer accept {peer_id}",
            code="peer_not_accepted",
        )

    def _note(self, peer_id: str) -> None:
        if self._node.role is Role.primary:
            self._node.submit(PeerHeard(peer=peer_id))

    # --- anyone of the pair -----------------------------------------------------------------------------------------

    async def _health(self, peer_id: str, body: bytes, etag: str) -> Answer:
        return _json(self._node.vitals.health())

    async def _reach(self, peer_id: str, body: bytes, etag: str) -> Answer:
        return _json(await reach.to(self._node, self._address_of(peer_id)))

    def _address_of(self, peer_id: str) -> PeerAddress:
        """Where this node knows the asker to be: no peer can send it anywhere else."""
        if self._node.role is Role.primary:
            return peer_address(self._known(peer_id))
        return reach.primary_address(self._profile_of(peer_id))

    # --- on a primary -----------------------------------------------------------------------------------------------

    async def _announce(self, peer_id: str, path_id: str, body: bytes) -> Answer:
        node = self._node
        news = wire.decode(body, wire.Announcement)
        if peer_id != path_id or news.node_id != peer_id:
            raise Refused("A failover announces itself only", where=path_id, code="wrong_identity")
        if peer_id == node.node_id:
            raise Refused(
                "This is the primary itself", where=path_id, hint="A node cannot be its own failover", code="own_failover"
            )
        try:
            peer = await node.take_announcement(news)
        except OSError as error:
            what, where = f"The failover could not be listed: {error.strerror}", str(node.home.ha_config)
            raise StoreWriteFailed(what, where=where, hint="Check free space and the disk of the primary") from error
        self._note(peer_id)
        detail = "" if peer.accepted else f"waiting for `sitescope-fo peer accept {peer_id}` on the primary"
        return _json(wire.AnnouncementReply(accepted=peer.accepted, node_id=node.node_id, detail=detail))

    async def _manifest(self, peer_id: str, body: bytes, etag: str) -> Answer:
        manifest = self._node.own.manifest
        if manifest is None:
            raise Unreachable("The configuration has not been read yet", hint="It will be in a moment", code="starting")
        if etag == manifest.revision:
            return Answer(status=304, etag=etag)
        if not etag:  # a full verification: every file is hashed anew
            manifest = await self._node.own.build_manifest(full=True)
        return _json(manifest, manifest.revision)

    async def _parts(self, peer_id: str, body: bytes, etag: str) -> Answer:
        request = wire.decode(body, wire.PartsRequest)
        own = self._node.own
        manifest = await own.build_manifest(full=True) if request.full else own.manifest
        if manifest is None:
            raise Unreachable("The configuration has not been read yet", hint="It will be in a moment", code="starting")
        if etag == manifest.revision and request.skipped == digest_of_skipped(manifest.skipped):
            return Answer(status=304, etag=etag)
        return _json(await own.parts(manifest), manifest.revision)

    async def _entries(self, peer_id: str, body: bytes, etag: str) -> Answer:
        return _json(await self._node.own.entries(wire.decode(body, wire.EntriesRequest)))

    async def _files(self, peer_id: str, body: bytes, etag: str) -> Answer:
        request = wire.decode(body, wire.FilesRequest)
        data = await self._node.own.bundle(request)
        return Answer(body=data, etag=request.revision, media=TAR)

    async def _ledger(self, peer_id: str, body: bytes, etag: str) -> Answer:
        return _json(self._node.vitals.told.body(self._node.writer.table))

    async def _take_ledger(self, peer_id: str, body: bytes, etag: str) -> Answer:
        wire.decode(body, wire.Ledger)
        await self._node.settle(LedgerReceived(profile="", data=body))
        return _json(wire.Done())

    async def _checks(self, peer_id: str, body: bytes, etag: str) -> Answer:
        node = self._node
        states = list(node.writer.table.of(MONITOR).values())
        return Answer(body=await node.ports.work.run_blocking(lambda: wire.encode(exchange.checks_body(states, ""))))

    async def _take_checks(self, peer_id: str, body: bytes, etag: str) -> Answer:
        await self._node.take_checks("", body)
        return _json(wire.Done())

    async def _operator(self, peer_id: str, body: bytes, etag: str) -> Answer:
        return _json(operator_state.operator_body(self._node.writer.table, ""))

    async def _take_operator(self, peer_id: str, body: bytes, etag: str) -> Answer:
        wire.decode(body, wire.OperatorState)
        await self._node.settle(OperatorStateReceived(profile="", data=body))
        return _json(wire.Done())

    async def _yield(self, peer_id: str, body: bytes, etag: str) -> Answer:
        node = self._node
        asked = wire.decode(body, wire.YieldRequest)
        fact = YieldAsked(peer=peer_id, profile=asked.profile, term=asked.term, yield_for_s=asked.yield_for_s, why=asked.why)
        side = self._side()
        if error := primary.refusal(side, fact, node.ports.clock.now()):
            return _json(wire.YieldReply(yielded=False, term=side.journal.term, detail=str(error)))
        await node.settle(fact)
        await node.mails_settled("")
        side = self._side()
        return _json(wire.YieldReply(yielded=not side.may_check, term=side.journal.term, detail=side.last_transition))

    async def _run_step(self, peer_id: str, body: bytes, etag: str) -> Answer:
        node = self._node
        asked = wire.decode(body, wire.StepRequest)
        fact = RunAsked(peer=peer_id, profile=asked.profile, handback=asked.handback, term=asked.term)
        side = self._side()
        if error := primary.refusal(side, fact, node.ports.clock.now()):
            return _json(wire.StepReply(done=False, state=side.state, term=side.journal.term, detail=str(error)))
        await node.settle(fact)
        side = self._side()
        return _json(wire.StepReply(done=side.may_check, state=side.state, term=side.journal.term))

    def _side(self) -> PrimarySide:
        side = self._node.primary_side()
        if side is None:
            raise Refused("This node is no primary", code="wrong_role")
        return side

    # --- on a failover ----------------------------------------------------------------------------------------------

    def _profile_of(self, peer_id: str) -> Profile:
        for profile in self._node.world.ha.profiles:
            if profile.node_id == peer_id:
                return profile
        raise Refused(
            "No profile here protects this primary",
            where=peer_id,
            hint="On the failover: sitescope-fo profile add, or profile rebind after a rebuild",
            code="not_protected",
        )

    async def _boot_check(self, peer_id: str, body: bytes, etag: str) -> Answer:
        node = self._node
        asked = wire.decode(body, wire.BootCheck)
        profile = self._profile_of(peer_id)
        await node.settle(BootCheckHeard(profile=profile.name, boot_id=asked.boot_id, term=asked.term))
        state = node.profile_state(profile.name)
        if state is None:
            raise Refused("The profile was just removed", where=profile.name, code="not_protected")
        active, term, yield_for_s = machine.boot_check_reply(state, node.ports.clock.now())
        return _json(wire.BootCheckReply(active=active, term=term, yield_for_s=yield_for_s, profile=profile.name))

    async def _goodbye(self, peer_id: str, body: bytes, etag: str) -> Answer:
        node = self._node
        notice = wire.decode(body, wire.GoodbyeNotice)
        profile = self._profile_of(peer_id)
        await node.settle(GoodbyeHeard(profile=profile.name, boot_id=notice.boot_id, eta_s=notice.eta_s, why=notice.why))
        return _json(wire.Done())


def take_announcement(peers: tuple[Peer, ...], news: wire.Announcement) -> tuple[Peer, ...]:
    """The list with the failover as it is now known. The first one is trusted, a later one waits for a yes."""
    known = next((peer for peer in peers if peer.node_id == news.node_id), None)
    peer = Peer(
        node_id=news.node_id,
        host=news.host,
        port=news.port,
        tls=news.tls,
        listed_as=news.profile,
        accepted=known.accepted if known is not None else not peers,
        activate_after_s=news.activate_after_s,
        merge_back=news.merge_back,
    )
    if known is None:
        return (*peers, peer)
    return tuple(peer if other is known else other for other in peers)
