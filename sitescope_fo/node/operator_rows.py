"""Acknowledgements and downtimes as people read them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from sitescope_fo.engine.operator_state import ack_holds, acknowledgements_of, covers, downtime_holds, downtimes_of
from sitescope_fo.model.monitor import MonitorKey
from sitescope_fo.model.snapshot import AckRow, DowntimeRow
from sitescope_fo.model.wire import Acknowledgement, Downtime
from sitescope_fo.node.monitor_rows import Rows, stamp

if TYPE_CHECKING:
    from sitescope_fo.node.core import Node


def acks(node: Node, profile: str | None) -> list[AckRow]:
    """The acknowledgements that hold, of one tree or of all (None), by path."""
    wall = node.ports.clock.wall()
    found = [
        ack_row(node, name, ack)
        for name in _trees(node, profile)
        for ack in acknowledgements_of(node.writer.table, name)
        if ack_holds(ack, wall)
    ]
    return sorted(found, key=lambda row: (row.profile, row.path))


def ack_row(node: Node, profile: str, ack: Acknowledgement) -> AckRow:
    """One of them. A monitor that is gone is called by its id."""
    monitor = node.world.catalogue.monitor(MonitorKey(profile, ack.monitor))
    return AckRow(
        id=ack.monitor,
        path=monitor.path if monitor is not None else ack.monitor,
        profile=profile,
        status=Rows(node, profile).state(monitor).shown.value if monitor is not None else "",
        by=ack.by,
        at=stamp(ack.at),
        comment=ack.comment,
        until=stamp(ack.until) or None,
    )


def downtimes(node: Node, profile: str | None, *, over: bool) -> list[DowntimeRow]:
    """Downtimes by their start, of one tree or of all (None); those that are over only if asked for."""
    found = [downtime_row(node, name, one) for name in _trees(node, profile) for one in downtimes_of(node.writer.table, name)]
    return sorted((row for row in found if over or row.state != "over"), key=lambda row: (row.start, row.id))


def downtime_row(node: Node, profile: str, downtime: Downtime) -> DowntimeRow:
    """One of them. `until` of one that was ended early is when that was."""
    monitors = node.world.catalogue.monitors(profile)
    return DowntimeRow(
        id=downtime.id,
        scope=_scope(node, profile, downtime),
        profile=profile,
        reason=downtime.reason,
        by=downtime.by,
        at=stamp(downtime.at),
        start=stamp(downtime.start),
        until=stamp(min(downtime.changed, downtime.end) if downtime.ended else downtime.end),
        state=state_of(downtime, node.ports.clock.wall()),
        monitors=sum(covers(downtime, monitor) for monitor in monitors.values()),
        ended_by=downtime.ended_by,
    )


def state_of(downtime: Downtime, wall: float) -> Literal["planned", "running", "over"]:
    """Where it stands at a moment."""
    if downtime_holds(downtime, wall):
        return "running"
    return "over" if downtime.ended or wall >= downtime.end else "planned"


def _scope(node: Node, profile: str, downtime: Downtime) -> str:
    """What it is about, by the path that a monitor has now."""
    monitor = node.world.catalogue.monitor(MonitorKey(profile, downtime.monitor)) if downtime.monitor else None
    return monitor.path if monitor is not None else downtime.scope or "/"


def _trees(node: Node, profile: str | None) -> tuple[str, ...]:
    return ("", *(one.name for one in node.world.ha.profiles)) if profile is None else (profile,)
