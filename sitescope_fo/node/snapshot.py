"""Builds the picture of a node that every surface reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sitescope_fo.failover.state import Evidence, Overlap, PeerView, ProfileState, Transition
from sitescope_fo.model import snapshot as parts
from sitescope_fo.model.config import Peer
from sitescope_fo.model.status import PrimaryState, Role
from sitescope_fo.node.monitor_rows import stamp
from sitescope_fo.node.outlook import outlook

if TYPE_CHECKING:
    from sitescope_fo.node.core import Node

TITLES = {Role.primary: "SiteScope", Role.failover: "SiteScope Failover"}


def status_report(node: Node) -> parts.StatusReport:
    """`status --json`.

    On a primary the counters are those of its own monitors, on a failover of the mirrored ones: what watches the standby itself
    never counts.
    """
    depth, oldest, _ = node.vitals.outbox()
    counted = [profile for profile in node.world.catalogue.profiles if profile or node.role is Role.primary]
    skews = [abs(state.live.skew_s) for state in node.profile_states()]
    return parts.StatusReport(
        node=_node_part(node),
        monitors=node.tally.of(*counted),
        profiles=tuple(profile_part(node, state) for state in node.profile_states()),
        peers=peer_parts(node),
        health=parts.HealthPart(
            scheduler_age_s=round(node.vitals.scheduler_age_s, 3),
            loop_lag_p99_ms=node.vitals.loop_lag_p99_ms,
            outbox=parts.OutboxPart(depth=depth, oldest_s=round(oldest, 3)),
            disk_free_bytes=node.vitals.disk_free,
            clock_skew_s=round(max(skews, default=0.0), 3),
            skipped=node.plan.skipped,
            paused=node.plan.paused,
            overdue=node.plan.overdue,
            hanging=len(node.runner.hanging),
        ),
        problems=problem_rows(node),
        revision=node.writer.revision,
    )


def problem_rows(node: Node) -> tuple[dict[str, Any], ...]:
    """Configuration problems in force, and trouble with writing."""
    found = (*node.configuration_problems(), *node.ports.plugin_problems(), *node.supervisor.problems())
    rows = [{"file": p.file, "line": p.line, "path": p.path, "what": p.what, "hint": p.hint} for p in found]
    if node.writer.failing:
        rows.append(_trouble(str(node.home.state), f"state cannot be written: {node.writer.failing}"))
    if node.records.trouble:
        rows.append(_trouble(str(node.home.logs), f"logs cannot be written: {node.records.trouble}"))
    return tuple(rows)


def _trouble(file: str, what: str) -> dict[str, Any]:
    return {
        "file": file,
        "line": 0,
        "path": "",
        "what": what,
        "hint": "Free disk space or mend the disk; nothing is dropped meanwhile",
    }


def _node_part(node: Node) -> parts.NodePart:
    side = node.primary_side()
    return parts.NodePart(
        id=node.node_id,
        role=node.role.value,
        title=TITLES[node.role],
        host=node.world.host,
        version=node.version,
        started=stamp(node.started_wall),
        pid=node.ports.pid,
        home=str(node.home.root),
        url=node.url,
        state=side.state.value if side is not None else "",
        why=side.last_transition if side is not None else "",
    )


def evidence_rows(evidence: tuple[Evidence, ...]) -> tuple[dict[str, str], ...]:
    """Evidence as the contract shows it."""
    return tuple({"at": stamp(e.wall), "kind": e.kind.value, "what": e.what} for e in evidence)


def _transition(last: Transition | None) -> dict[str, Any] | None:
    if last is None:
        return None
    return {
        "from": last.source.value,
        "to": last.to.value,
        "at": stamp(last.wall),
        "why": last.why,
        "evidence": evidence_rows(last.evidence),
    }


def _overlaps(overlaps: tuple[Overlap, ...]) -> tuple[dict[str, str], ...]:
    return tuple({"from": stamp(o.since_wall), "to": stamp(o.until_wall), "why": o.why} for o in overlaps)


def profile_part(node: Node, state: ProfileState) -> parts.ProfilePart:
    """One profile."""
    config, journal, live = state.config, state.journal, state.live
    now = node.ports.clock.now()
    last = journal.last_transition
    plan = outlook(state, now)
    return parts.ProfilePart(
        name=config.name,
        primary=parts.PrimaryPart(
            host=config.primary_host,
            port=config.primary_port,
            tls=config.tls,
            node_id=config.node_id,
            state=(live.primary_state if live.answering else PrimaryState.unknown).value,
            version=live.primary_version,
            skew_s=round(live.skew_s, 3),
            latency_ms=round(live.round_trip_s * 1000, 1),
        ),
        state=state.shown,
        position=state.position.value,
        conditions=tuple(sorted(condition.value for condition in state.conditions)),
        may_check=state.may_check,
        term=journal.term,
        since=stamp(journal.since_wall),
        last_proof_of_life=stamp(live.last_pol_wall),
        activates_at=stamp(plan.activates_wall) or None,
        evidence=evidence_rows(live.evidence or (last.evidence if last is not None else ())),
        mirror=_mirror_part(node, config.name),
        last_transition=_transition(last),
        merge={"pending": 0, "conflicts": 0},
        monitors=node.tally.of(config.name),
        next=plan.sentence,
        hold=None
        if journal.hold is None
        else {"by": journal.hold.by, "reason": journal.hold.reason, "until": stamp(journal.hold.until_wall)},
        handback=None
        if journal.handback is None
        else {"id": journal.handback.id, "step": journal.handback.step, "since": stamp(journal.handback.since_wall)},
        overlaps=_overlaps(journal.overlaps),
        blind_windows=node.tally.blind(config.name, journal.term),
        preset=config.preset,
    )


def _mirror_part(node: Node, name: str) -> parts.MirrorPart:
    watch = node.watches.get(name)
    if watch is None:
        return parts.MirrorPart()
    view = watch.keeper.view
    return parts.MirrorPart(
        revision=view.revision,
        at=stamp(view.at_wall),
        age_s=round(max(0.0, node.ports.clock.wall() - view.at_wall), 1) if view.at_wall else 0.0,
        monitors=view.monitors,
        verified=view.verified,
        drift=view.drift,
        skipped=tuple({"path": s.path, "why": s.why} for s in view.skipped),
        retargeted=view.retargeted,
        staged=view.staged,
        last_error=view.last_error,
    )


def peer_parts(node: Node) -> tuple[parts.PeerPart, ...]:
    """On a primary: its failovers. On a failover: the primaries it protects."""
    if node.role is Role.failover:
        return tuple(
            parts.PeerPart(
                node_id=state.config.node_id,
                host=state.config.primary_host,
                port=state.config.primary_port,
                role=Role.primary.value,
                listed_as=state.config.name,
                last_seen=stamp(state.live.last_pol_wall),
                accepted=True,
            )
            for state in node.profile_states()
        )
    side = node.primary_side()
    views = side.peers if side is not None else {}
    return tuple(_peer_part(peer, views.get(peer.node_id)) for peer in node.world.ha.peers)


def _peer_part(peer: Peer, view: PeerView | None) -> parts.PeerPart:
    return parts.PeerPart(
        node_id=peer.node_id,
        host=peer.host,
        port=peer.port,
        role=Role.failover.value,
        listed_as=peer.listed_as,
        last_seen=stamp(view.last_heard_wall) if view is not None else "",
        accepted=peer.accepted,
    )
