"""Puts a loaded tree into the plan, with its calendars and in the rhythm its monitors had: here before, or on the other node."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sitescope_fo.engine import judging
from sitescope_fo.engine.calendar import Calendar
from sitescope_fo.engine.state import MONITOR, MonitorState
from sitescope_fo.model.monitor import Monitor, MonitorKey
from sitescope_fo.model.status import Status

if TYPE_CHECKING:
    from sitescope_fo.node.core import Node


def schedule(node: Node, profile: str, *, ramp: bool = False, ages: bool = False) -> None:
    """Makes the catalogue's monitors of a profile ("" = own tree) the ones that run.

    `ages`: monitors go on from their last runs. One in error goes on at its error frequency. When the tree starts, an error that
    one run of this term has seen gets its second run at once, unless its schedule is closed.
    """
    starts = not node.plan.scheduled(profile)
    states: list[MonitorState] = [state for state in node.writer.table.of(MONITOR).values() if state.key.profile == profile]
    now, term = node.ports.clock.now(), node.term_of(profile)
    node.plan.follow(now)
    node.plan.set_monitors(
        profile,
        node.world.catalogue.monitors(profile).values(),
        now.mono,
        ramp=ramp,
        ages={state.key: max(0.0, now.wall - state.last_wall) for state in states if (ages or ramp) and state.last_wall},
        in_error={state.key for state in states if state.status is Status.error},
        calendar_of=lambda monitor: calendar(node, profile, monitor),
    )
    for state in states:
        if starts and state.unconfirmed == term and not _shut(node, state.key, now.wall):
            node.plan.verify(state.key, manual=False)


def calendar(node: Node, profile: str, monitor: Monitor) -> Calendar | None:
    """The calendar that a monitor follows; None when it may run at any time."""
    return node.calendars.of(node.world.catalogue.schedule(profile, monitor)) if monitor.schedule else None


def dependency_trouble(node: Node, monitor: Monitor, profile: str) -> str:
    """See `judging.dependency_trouble`. A dependency outside its schedule forbids nothing: what it was like then is long ago."""
    why = judging.dependency_trouble(node.writer.table, node.world.catalogue, monitor, profile)
    return "" if why and _shut(node, MonitorKey(profile, monitor.depends_on), node.ports.clock.wall()) else why


def _shut(node: Node, key: MonitorKey, wall: float) -> bool:
    monitor = node.world.catalogue.monitor(key)
    found = calendar(node, key.profile, monitor) if monitor is not None else None
    return found is not None and found.shut(wall)
