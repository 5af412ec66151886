"""A word that changes whenever the whole list of monitors may have: its rows, their order, or what all of them depend on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sitescope_fo.engine.catalogue import Catalogue
from sitescope_fo.node.decide import may_check

if TYPE_CHECKING:
    from sitescope_fo.node.core import Node


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
        facts = (
            node.plan.layouts,
            [(name, may_check(node.writer.table, node.role, name), node.term_of(name)) for name in catalogue.profiles],
        )
        if catalogue is not self._catalogue or facts != self._facts:
            self._catalogue, self._facts = catalogue, facts
            self._number += 1
        return f"{node.boot_id}-{self._number}"
