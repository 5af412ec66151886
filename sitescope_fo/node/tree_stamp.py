"""What all rows of a tree depend on, and a word that changes whenever the whole list of monitors may have."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from sitescope_fo.engine.catalogue import Catalogue
from sitescope_fo.engine.operator_state import acknowledgements_of, downtime_holds, downtimes_of
from sitescope_fo.node.decide import may_check

if TYPE_CHECKING:
    from sitescope_fo.node.core import Node


class TreeFacts(msgspec.Struct, frozen=True):
    """What a row shows beside its monitor's own state."""

    may_check: bool
    term: int
    downtimes: tuple[str, ...]
    """Those that hold now."""
    turns: tuple[float, ...] = ()
    """When each schedule that its monitors follow next opens, closes or strikes: another one when a schedule has turned."""


def tree_facts(node: Node, profile: str) -> TreeFacts:
    """Those of a tree as of now."""
    cells, wall = node.writer.table, node.ports.clock.wall()
    holding = tuple(downtime.id for downtime in downtimes_of(cells, profile) if downtime_holds(downtime, wall))
    calendars = (node.calendars.of(schedule) for schedule in node.world.catalogue.schedules(profile))
    turns = tuple(calendar.turn(wall) for calendar in calendars if calendar is not None)
    return TreeFacts(may_check(cells, node.role, profile), node.term_of(profile), holding, turns)


class TreeStamp:
    """The stamp of one node. It is never the same in two lives of a node."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._catalogue: Catalogue | None = None
        self._facts: object = None
        self._number = 0

    def now(self) -> str:
        """The stamp as of now. What came and went between two calls shows in no row, or in the rows that changed."""
        node, catalogue = self._node, self._node.world.catalogue
        trees = [(name, tree_facts(node, name), self._run_out(name)) for name in catalogue.profiles]
        facts = (node.plan.layouts, trees)
        if catalogue is not self._catalogue or facts != self._facts:
            self._catalogue, self._facts = catalogue, facts
            self._number += 1
        return f"{node.boot_id}-{self._number}"

    def _run_out(self, profile: str) -> int:
        """How many acknowledgements have come to the end of their time: that is no change of state that a row could show."""
        wall = self._node.ports.clock.wall()
        known = acknowledgements_of(self._node.writer.table, profile)
        return sum(bool(ack.until) and not ack.ended and ack.until <= wall for ack in known)
