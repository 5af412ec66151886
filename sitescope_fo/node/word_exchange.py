"""What people typed, told between a failover and the primary of one profile, whichever of the two it was typed at.

The failover asks: the primary's digest travels with each health reply. Both merge, so it does not matter who acts, nor how often
a body arrives.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sitescope_fo.engine.operator_state import operator_body, operator_heard
from sitescope_fo.model import wire
from sitescope_fo.model.fact import OperatorStateReceived

if TYPE_CHECKING:
    from sitescope_fo.node.core import Node
    from sitescope_fo.node.profile_watch import ProfileWatch


class WordExchange:
    """Keeps the acknowledgements and downtimes of one profile equal on both nodes."""

    def __init__(self, node: Node, watch: ProfileWatch) -> None:
        self._node, self._watch = node, watch
        self._told = ("", "")

    async def follow(self, digest: str) -> None:
        """Fetches what the primary has when its digest is another one than was last merged, and sends what it lacks.

        Two nodes that cannot become equal, such as for the hour in which one has forgotten what the other still keeps, do not
        tell each other the same twice. Raises as `ProfileWatch.request`.
        """
        name, cells = self._watch.name, self._node.writer.table
        if digest != operator_heard(cells, name):
            await self._fetch()
        body = operator_body(cells, name)
        if body.digest not in {digest, operator_heard(cells, name)} and self._told != (body.digest, digest):
            await self._send(body)
            self._told = (body.digest, digest)

    async def exchange(self) -> None:
        """Fetches and sends, whatever is known. Raises as `ProfileWatch.request`."""
        await self._fetch()
        body = operator_body(self._node.writer.table, self._watch.name)
        if body.digest != operator_heard(self._node.writer.table, self._watch.name):
            await self._send(body)

    async def _fetch(self) -> None:
        reply = await self._watch.request("GET", wire.OPERATOR)
        await self._node.settle(OperatorStateReceived(profile=self._watch.name, data=reply.body))

    async def _send(self, body: wire.OperatorState) -> None:
        await self._watch.request("PUT", wire.OPERATOR, wire.encode(body))
