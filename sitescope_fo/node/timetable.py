"""Puts a loaded tree into the plan, in the rhythm that its monitors had: here before a restart, or on the other node."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sitescope_fo.engine.state import MONITOR, MonitorState
from sitescope_fo.model.status import Status

if TYPE_CHECKING:
    from sitescope_fo.node.core import Node


def schedule(node: Node, profile: str, *, ramp: bool = False, ages: bool = False) -> None:
    """Makes the catalogue's monitors of a profile ("" = own tree) the ones that run.

    `ages`: monitors go on from their last runs. One in error goes on at its error frequency. When the tree starts, an error that
    one run of this term has seen gets its second run at once.
    """
    starts = not node.plan.scheduled(profile)
    states: list[MonitorState] = [state for state in node.writer.table.of(MONITOR).values() if state.key.profile == profile]
    now, term = node.ports.clock.now(), node.term_of(profile)
    node.plan.set_monitors(
        profile,
        node.world.catalogue.monitors(profile).values(),
        now.mono,
        ramp=ramp,
        ages={state.key: max(0.0, now.wall - state.last_wall) for state in states if ages and state.last_wall},
        in_error={state.key for state in states if state.status is Status.error},
    )
    for state in states:
        if starts and state.unconfirmed == term:
            node.plan.verify(state.key, manual=False)
