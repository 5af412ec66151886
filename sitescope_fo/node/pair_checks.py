"""The Test dialog of the guide, from both sides: is this pair fit? Each row names what was seen and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

from sitescope_fo.failover.prober import address_of
from sitescope_fo.mirror.keeper import MirrorView
from sitescope_fo.model import wire
from sitescope_fo.model.config import Peer
from sitescope_fo.model.errors import SiteScopeError, Unreachable, Unverifiable, Usage
from sitescope_fo.model.ports import PeerAddress, PeerReply
from sitescope_fo.model.query import CheckRow
from sitescope_fo.model.status import Condition, Role
from sitescope_fo.model.version import compare_versions
from sitescope_fo.node.executor import peer_address
from sitescope_fo.node.find import nearest_hint

if TYPE_CHECKING:
    from sitescope_fo.node.core import Node

TIMEOUT_S = 5.0
SKEW_WARNING_S = 5.0


async def from_failover(node: Node, name: str) -> list[CheckRow]:
    """The pair of a profile, as its failover sees it."""
    state = node.profile_state(name)
    if state is None:
        known = [s.config.name for s in node.profile_states()]
        raise Usage(f"There is no profile '{name}'", where="profiles", hint=nearest_hint(name, known), code="not_found")
    rows = await _ask(node, f"{name}: ", address_of(state), Role.primary)
    watch = node.watches.get(name)
    view = watch.keeper.view if watch is not None else MirrorView()
    if view.verified:
        text = f"{view.monitors} monitors mirrored, revision {view.revision[:12]}, verified"
        rows.append(CheckRow(id=f"{name}: mirror", verdict="good", evidence=text))
    else:
        why = view.last_error or "nothing was mirrored yet"
        hint = f"sitescope-fo mirror {name}; see high_availability.log"
        rows.append(CheckRow(id=f"{name}: mirror", verdict="bad", evidence=why, remedy=hint))
    if Condition.hold in state.conditions and state.journal.hold is not None:
        hold = state.journal.hold
        text = f"held by {hold.by}: {hold.reason}; no takeover until it ends"
        rows.append(CheckRow(id=f"{name}: hold", verdict="warning", evidence=text, remedy=f"sitescope-fo release {name}"))
    rows.append(await _gate(node, name, state.config.primary_host))
    return rows


async def _gate(node: Node, name: str, host: str) -> CheckRow:
    asked, answered = await node.ports.references.sample(node.good_targets(name), host)
    if await node.ports.work.run_blocking(node.ports.references.is_own_address, host):
        text = "the primary's address is this host: the isolation gate has nothing to say and always passes"
        return CheckRow(id=f"{name}: gate", verdict="warning", evidence=text, remedy="Run both nodes on separate machines")
    if not asked:
        text = "no reference point is known: an isolated standby cannot tell that it is the one cut off"
        return CheckRow(
            id=f"{name}: gate", verdict="warning", evidence=text, remedy="Give the host a default gateway or resolver"
        )
    good = answered >= max(1, 0.3 * asked)
    return CheckRow(
        id=f"{name}: gate",
        verdict="good" if good else "bad",
        evidence=f"{answered} of {asked} reference points answer",
        remedy="" if good else "This node looks isolated: it would not take over now. Check its network",
    )


async def from_primary(node: Node, name: str) -> list[CheckRow]:
    """The pairs of a primary, as it sees them; `name` is what its failover lists it as."""
    peers = [peer for peer in node.world.ha.peers if not name or peer.listed_as == name]
    if name and not peers:
        known = [peer.listed_as for peer in node.world.ha.peers]
        raise Usage(f"No failover lists this node as '{name}'", where="peers", hint=nearest_hint(name, known), code="not_found")
    if not peers:
        text = "no failover protects this primary yet"
        hint = "On a failover: sitescope-fo profile add NAME --primary-host THIS_HOST"
        return [CheckRow(id="failover", verdict="warning", evidence=text, remedy=hint)]
    return [row for peer in peers for row in await _from_primary(node, peer)]


async def trust(node: Node, name: str) -> list[CheckRow]:
    """Passphrase, clock and identity of the peer of a profile, of the failover listed as `name`, or of all of them."""
    if not node.ports.keys.roots():
        hint = "sitescope-fo lwsso set, the same passphrase on both nodes"
        return [CheckRow(id="lwsso", verdict="bad", evidence="no LW-SSO passphrase is set on this node", remedy=hint)]
    if node.role is Role.failover:
        states = [state for state in node.profile_states() if not name or state.config.name == name]
        asked = [(f"{state.config.name}: ", address_of(state), Role.primary) for state in states]
    else:
        peers = [peer for peer in node.world.ha.peers if not name or peer.listed_as == name]
        asked = [(f"{peer.listed_as or peer.host}: ", peer_address(peer), Role.failover) for peer in peers]
    if name and not asked:
        raise Usage(f"There is no pair '{name}'", where="lwsso check", hint="sitescope-fo status lists them", code="not_found")
    rows = [row for label, address, role in asked for row in await _ask(node, label, address, role)]
    told = [row for row in rows if row.verdict == "bad" or row.id.rpartition(" ")[2] in {"lwsso", "clock", "identity"}]
    none = CheckRow(id="lwsso", verdict="warning", evidence="there is no other node to ask yet", remedy="Add a profile first")
    return told or [none]


async def _from_primary(node: Node, peer: Peer) -> list[CheckRow]:
    label = f"{peer.listed_as or peer.host}: "
    rows = await _ask(node, label, peer_address(peer), Role.failover)
    if not peer.accepted:
        hint = f"sitescope-fo peer accept {peer.node_id}"
        rows.append(CheckRow(id=f"{label}accepted", verdict="bad", evidence="this failover is not accepted here", remedy=hint))
    return rows


async def _ask(node: Node, label: str, address: PeerAddress, role: Role) -> list[CheckRow]:
    where = f"{address.host}:{address.port}"
    resolved = await _resolution(label, address.host)
    if resolved.verdict == "bad":
        return [resolved]
    try:
        reply = await node.ports.client.request(address, "GET", wire.HEALTH, timeout_s=TIMEOUT_S)
        health = wire.decode(reply.body, wire.Health)
    except Unverifiable as error:
        row = CheckRow(id=f"{label}{_topic(error.code)}", verdict="bad", evidence=error.what, remedy=error.hint)
        return [resolved, CheckRow(id=f"{label}service", verdict="good", evidence=f"a node answers at {where}"), row]
    except Unreachable as error:
        remedy = error.hint or "Is the node running there? Does a firewall block the port?"
        return [resolved, CheckRow(id=f"{label}service", verdict="bad", evidence=error.what, remedy=remedy)]
    except SiteScopeError as error:
        return [resolved, CheckRow(id=f"{label}service", verdict="bad", evidence=str(error), remedy=error.hint)]
    return [resolved, *_answer_rows(node, label, address, role, health, reply)]


_TOPICS = {"lwsso_clock_skew": "clock", "wire_version": "version", "lwsso_identity": "identity"}


def _topic(code: str) -> str:
    return "tls" if code.startswith("tls") else _TOPICS.get(code, "lwsso")


async def _resolution(label: str, host: str) -> CheckRow:
    try:
        found = await anyio.getaddrinfo(host, None)
    except (OSError, UnicodeError) as error:
        hint = "Enter the name in DNS or /etc/hosts on this node"
        return CheckRow(id=f"{label}name", verdict="bad", evidence=f"{host} does not resolve: {error}", remedy=hint)
    addresses = ", ".join(dict.fromkeys(str(entry[4][0]) for entry in found))
    return CheckRow(id=f"{label}name", verdict="good", evidence=f"{host} is {addresses}")


def _answer_rows(
    node: Node, label: str, address: PeerAddress, role: Role, health: wire.Health, reply: PeerReply
) -> list[CheckRow]:
    rows = [
        CheckRow(id=f"{label}service", verdict="good", evidence=f"{health.host} answers at {address.host}:{address.port}"),
        CheckRow(id=f"{label}lwsso", verdict="good", evidence="both nodes have the same passphrase"),
        _role_row(label, role, health),
        _version_row(node, label, health),
        _clock_row(label, reply),
        _identity_row(label, address, health),
    ]
    if role is Role.primary:
        late = health.scheduler_age_s > 10.0
        text = f"its state is {health.state.value}, its scheduler is {health.scheduler_age_s:.1f} s behind"
        remedy = "The primary answers and does not monitor: look at its host" if late else ""
        rows.append(CheckRow(id=f"{label}health", verdict="bad" if late else "good", evidence=text, remedy=remedy))
    same = not health.home or health.home == str(node.home.root)
    text = f"home there: {health.home}; here: {node.home.root}"
    hint = "" if same else "Use the same path on both nodes, or scripts with absolute paths will not be found"
    rows.append(CheckRow(id=f"{label}path", verdict="good" if same else "warning", evidence=text, remedy=hint))
    equal = not health.user or health.user == node.ports.user
    text = f"runs there as {health.user}, here as {node.ports.user}"
    hint = "" if equal else "Run both under accounts with the same rights"
    rows.append(CheckRow(id=f"{label}permission", verdict="good" if equal else "warning", evidence=text, remedy=hint))
    return rows


def _role_row(label: str, role: Role, health: wire.Health) -> CheckRow:
    if health.role is role:
        return CheckRow(id=f"{label}role", verdict="good", evidence=f"it is a {role.value}")
    text = f"it is a {health.role.value}, not a {role.value}"
    return CheckRow(id=f"{label}role", verdict="bad", evidence=text, remedy="Check host and port")


def _version_row(node: Node, label: str, health: wire.Health) -> CheckRow:
    verdict = {"same": "good", "patch": "warning", "different": "bad"}[compare_versions(node.version, health.version)]
    hint = "" if verdict == "good" else "Install the same version on both nodes, the primary first"
    text = f"version there {health.version}, here {node.version}"
    return CheckRow(id=f"{label}version", verdict=verdict, evidence=text, remedy=hint)  # type: ignore[arg-type]


def _clock_row(label: str, reply: PeerReply) -> CheckRow:
    off = abs(reply.skew_s)
    hint = "" if off < SKEW_WARNING_S else "Synchronise both clocks (chrony or systemd-timesyncd): reports mix them"
    verdict = "good" if off < SKEW_WARNING_S else "warning"
    return CheckRow(id=f"{label}clock", verdict=verdict, evidence=f"clocks differ by {off:.1f} s", remedy=hint)  # type: ignore[arg-type]


def _identity_row(label: str, address: PeerAddress, health: wire.Health) -> CheckRow:
    if not address.node_id or address.node_id == health.node_id:
        return CheckRow(id=f"{label}identity", verdict="good", evidence=f"node {health.node_id}")
    text = f"bound to node {address.node_id}, but {health.node_id} answers"
    hint = "If the primary was rebuilt: sitescope-fo profile rebind NAME"
    return CheckRow(id=f"{label}identity", verdict="bad", evidence=text, remedy=hint)
