"""Builds the picture of a node that every surface reads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sitescope_fo.engine.state import BLIND, MONITOR, MonitorState
from sitescope_fo.failover.state import Evidence, Overlap, PeerView, ProfileState, Transition
from sitescope_fo.model import snapshot as parts
from sitescope_fo.model.config import Peer
from sitescope_fo.model.monitor import Monitor, MonitorKey
from sitescope_fo.model.status import PrimaryState, Role, Status
from sitescope_fo.node.decide import may_check
from sitescope_fo.node.outlook import outlook

if TYPE_CHECKING:
    from sitescope_fo.node.core import Node

TITLES = {Role.primary: "SiteScope", Role.failover: "SiteScope Failover"}


def stamp(wall: float) -> str:
    """RFC 3339 in UTC with milliseconds; "" for "never" (0)."""
    if not wall:
        return ""
    return datetime.fromtimestamp(wall, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def status_report(node: Node) -> parts.StatusReport:
    """`status --json`."""
    depth, oldest, _ = node.vitals.outbox()
    counted = [profile for profile in node.world.catalogue.profiles if profile or node.role is Role.primary]
    skews = [abs(state.live.skew_s) for state in node.profile_states()]
    return parts.StatusReport(
        node=_node_part(node),
        monitors=_counters([row for profile in counted for row in _row_states(node, profile)]),
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


def everything(node: Node, profile: str | None = None) -> Iterator[tuple[MonitorKey, Monitor]]:
    """Every monitor this node knows, or those of one profile, in the order of the trees."""
    catalogue = node.world.catalogue
    for name in catalogue.profiles if profile is None else (profile,):
        for monitor in catalogue.monitors(name).values():
            yield MonitorKey(name, monitor.id), monitor


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


class RowState:
    """How one monitor is shown now."""

    __slots__ = ("shown", "state", "suspended", "waiting")

    def __init__(self, shown: Status, state: MonitorState | None, *, suspended: bool, waiting: bool) -> None:
        self.shown, self.state, self.suspended, self.waiting = shown, state, suspended, waiting


class _Rows:
    """How the monitors of one tree are shown now. What is the same for all is asked once: 10,000 are counted at a time."""

    __slots__ = ("_may_check", "_profile", "_states", "_term")

    def __init__(self, node: Node, profile: str) -> None:
        self._may_check = may_check(node.writer.table, node.role, profile)
        self._term = node.term_of(profile)
        self._states: Mapping[str, MonitorState] = node.writer.table.of(MONITOR)
        self._profile = profile

    def of(self, monitor: Monitor) -> RowState:
        """A suspended monitor shows disabled; one just activated stays disabled and waiting until its first run (guide)."""
        state = self._states.get(str(MonitorKey(self._profile, monitor.id)) if self._profile else monitor.id)
        if not monitor.enabled or not self._may_check:
            return RowState(Status.disabled, state, suspended=monitor.enabled, waiting=False)
        if state is None or (self._profile and state.term < self._term):
            waiting = bool(self._profile)
            return RowState(Status.disabled if waiting else Status.nodata, state, suspended=False, waiting=waiting)
        return RowState(state.status, state, suspended=False, waiting=False)


def _row_states(node: Node, profile: str) -> list[RowState]:
    return list(map(_Rows(node, profile).of, node.world.catalogue.monitors(profile).values()))


def _counters(rows: list[RowState]) -> parts.MonitorsPart:
    """Of a primary's own monitors, or of a failover's mirrored ones: those that watch the standby itself never count."""
    by_status = Counter(state.shown for state in rows)
    return parts.MonitorsPart(
        total=len(rows),
        running=sum(not s.suspended and (s.waiting or s.shown is not Status.disabled) for s in rows),
        suspended=sum(s.suspended for s in rows),
        disabled=by_status[Status.disabled],
        good=by_status[Status.good],
        warning=by_status[Status.warning],
        error=by_status[Status.error],
        nodata=by_status[Status.nodata],
        waiting=sum(s.waiting for s in rows),
    )


def shown_state(node: Node, key: MonitorKey, monitor: Monitor) -> tuple[str, str, RowState]:
    """The state string and the status that people see of a monitor, and what they come from."""
    row = _Rows(node, key.profile).of(monitor)
    text = row.state.state_string if row.state is not None else ""
    if row.suspended:
        text = "suspended: this node is in standby for it" if key.profile else "suspended: this node waits for its failover"
    elif row.waiting:
        text = "waiting for its first run after activation"
    return text, row.shown.value, row


def monitor_row(node: Node, key: MonitorKey, monitor: Monitor) -> parts.MonitorRow:
    """One row of `monitor list --json`."""
    text, status, row = shown_state(node, key, monitor)
    known = row.state
    following = node.plan.next_run(key)
    now = node.ports.clock.now()
    return parts.MonitorRow(
        id=monitor.id,
        path=monitor.path,
        name=monitor.name,
        type=monitor.type,
        status=status,
        state_string=text,
        value=known.value if known is not None else None,
        frequency_s=monitor.frequency_s,
        enabled=monitor.enabled,
        suspended=row.suspended,
        waiting=row.waiting,
        last_run=stamp(known.last_wall) or None if known is not None else None,
        next_run=stamp(now.wall + following - now.mono) if following is not None else None,
        profile=key.profile,
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
    blind = sum(window.profile == config.name and window.term == journal.term for window in node.writer.table.of(BLIND).values())
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
        monitors=_counters(_row_states(node, config.name)),
        next=plan.sentence,
        hold=None
        if journal.hold is None
        else {"by": journal.hold.by, "reason": journal.hold.reason, "until": stamp(journal.hold.until_wall)},
        handback=None
        if journal.handback is None
        else {"id": journal.handback.id, "step": journal.handback.step, "since": stamp(journal.handback.since_wall)},
        overlaps=_overlaps(journal.overlaps),
        blind_windows=blind,
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
