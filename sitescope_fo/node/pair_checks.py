"""The Test dialog of the guide, from both sides: is this pair fit? Each row names what was seen and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sitescope_fo.failover.prober import address_of
from sitescope_fo.mirror.keeper import MirrorView
from sitescope_fo.model.config import Peer
from sitescope_fo.model.errors import SiteScopeError, Usage
from sitescope_fo.model.moment import spell
from sitescope_fo.model.ports import PeerAddress
from sitescope_fo.model.query import CheckRow
from sitescope_fo.model.status import Condition, Role
from sitescope_fo.node import answer_checks, reach, way_checks
from sitescope_fo.node.executor import peer_address
from sitescope_fo.node.find import nearest_hint
from sitescope_fo.node.report import Report

if TYPE_CHECKING:
    from sitescope_fo.failover.state import ProfileState
    from sitescope_fo.node.core import Node

_OF_TRUST = frozenset({"lwsso", "clock", "identity"})


async def from_failover(node: Node, name: str, report: Report) -> None:
    """The pair of a profile, as its failover sees it. Raises Usage (`not_found`)."""
    state = node.profile_state(name)
    if state is None:
        known = [s.config.name for s in node.profile_states()]
        raise Usage(f"There is no profile '{name}'", where="profiles", hint=nearest_hint(name, known), code="not_found")
    rows = report.of(f"{name}: ")
    await _ask(node, rows, address_of(state), Role.primary)
    _mirror_row(node, rows, name)
    _hold_row(rows, name, state)
    await _gate_row(node, rows, name, state.config.primary_host)


async def from_primary(node: Node, name: str, report: Report) -> None:
    """The pairs of a primary, as it sees them; `name` is what its failover lists it as. Raises Usage (`not_found`)."""
    peers = [peer for peer in node.world.ha.peers if not name or peer.listed_as == name]
    if name and not peers:
        known = [peer.listed_as for peer in node.world.ha.peers]
        raise Usage(f"No failover lists this node as '{name}'", where="peers", hint=nearest_hint(name, known), code="not_found")
    if not peers:
        hint = "On a failover: sitescope-fo profile add NAME --primary-host THIS_HOST"
        report.warning("failover", "no failover protects this primary yet", hint)
    for peer in peers:
        rows = report.of(_label(peer))
        await _ask(node, rows, peer_address(peer), Role.failover)
        if not peer.accepted:
            rows.bad("accepted", "this failover is not accepted here", f"sitescope-fo peer accept {peer.node_id}")


async def trust(node: Node, name: str) -> list[CheckRow]:
    """Passphrase, clock and identity of the peer of a profile, of the failover listed as `name`, or of all of them."""
    report = Report()
    if not node.ports.keys.roots():
        hint = "sitescope-fo lwsso set, the same passphrase on both nodes"
        report.bad("lwsso", "no LW-SSO passphrase is set on this node", hint)
        return report.rows
    if node.role is Role.failover:
        states = [state for state in node.profile_states() if not name or state.config.name == name]
        asked = [(f"{state.config.name}: ", address_of(state), Role.primary) for state in states]
    else:
        peers = [peer for peer in node.world.ha.peers if not name or peer.listed_as == name]
        asked = [(_label(peer), peer_address(peer), Role.failover) for peer in peers]
    if name and not asked:
        raise Usage(f"There is no pair '{name}'", where="lwsso check", hint="sitescope-fo status lists them", code="not_found")
    for label, address, role in asked:
        await answer_checks.service(node, report.of(label), address, role)
    told = [row for row in report.rows if row.verdict == "bad" or row.id.rpartition(" ")[2] in _OF_TRUST]
    none = CheckRow(id="lwsso", verdict="warning", evidence="there is no other node to ask yet", remedy="Add a profile first")
    return told or [none]


def _label(peer: Peer) -> str:
    return f"{peer.listed_as or peer.host}: "


async def _ask(node: Node, rows: Report, address: PeerAddress, role: Role) -> None:
    """The way there, what answers, and the way back."""
    if not await way_checks.look(node, rows, address):
        return
    if await answer_checks.service(node, rows, address, role):
        await _way_back(node, rows, address)
    else:
        await way_checks.speaks_tls(node, rows, address)


async def _way_back(node: Node, rows: Report, address: PeerAddress) -> None:
    where = f"{address.host}:{address.port}"
    try:
        seen = await reach.back(node, address)
    except SiteScopeError as error:
        if error.code == "not_found":
            rows.unknown("way back", f"{where} cannot be asked for it", "Install the same version on both nodes")
        else:
            rows.bad("way back", f"{where} does not say: {error.what}", error.hint or "Ask again; see error.log over there")
        return
    here = f"this node at {seen.host}:{seen.port}{' with TLS' if seen.tls else ''}"
    if seen.reached:
        rows.good("way back", f"the other node reaches {here}, in {spell(seen.took_s)}")
        return
    hint = seen.hint or f"Over there, {seen.host} must lead to this node, and no firewall may block port {seen.port}"
    rows.bad("way back", f"the other node does not reach {here}: {seen.what}", hint)


def _mirror_row(node: Node, rows: Report, name: str) -> None:
    watch = node.watches.get(name)
    view = watch.keeper.view if watch is not None else MirrorView()
    if view.verified:
        rows.good("mirror", f"{view.monitors} monitors mirrored, revision {view.revision[:12]}, verified")
    else:
        why = view.last_error or "nothing was mirrored yet"
        rows.bad("mirror", why, f"sitescope-fo mirror {name}; see high_availability.log")


def _hold_row(rows: Report, name: str, state: ProfileState) -> None:
    hold = state.journal.hold
    if Condition.hold in state.conditions and hold is not None:
        text = f"held by {hold.by}: {hold.reason}; no takeover until it ends"
        rows.warning("hold", text, f"sitescope-fo release {name}")


async def _gate_row(node: Node, rows: Report, name: str, host: str) -> None:
    asked, answered = await node.ports.references.sample(node.good_targets(name), host)
    if await node.ports.work.run_blocking(node.ports.references.is_own_address, host):
        text = "the primary's address is this host: the isolation gate has nothing to say and always passes"
        rows.warning("gate", text, "Run both nodes on separate machines")
    elif not asked:
        text = "no reference point is known: an isolated standby cannot tell that it is the one cut off"
        rows.warning("gate", text, "Give the host a default gateway or resolver")
    elif answered >= max(1, 0.3 * asked):
        rows.good("gate", f"{answered} of {asked} reference points answer")
    else:
        remedy = "This node looks isolated: it would not take over now. Check its network"
        rows.bad("gate", f"{answered} of {asked} reference points answer", remedy)
