"""Would this node do better? Before it takes over from a primary that admits stalled work, it looks at the same at home.

Two nodes that depend on the same full mail server or have both no room left gain nothing by a change of role (failover design,
'Degraded').
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sitescope_fo.failover.prober import SCHEDULER_STALLED_S
from sitescope_fo.model import wire

if TYPE_CHECKING:
    from sitescope_fo.node.core import Node

MAIL_EVERY_S = 30.0
"""A mail server is greeted at most this often; a primary has to admit its trouble for as long before that leads anywhere."""


class SameCheck:
    """One profile's."""

    def __init__(self, node: Node, profile: str) -> None:
        self._node, self._profile = node, profile
        self._asked_at = float("-inf")
        self._mail_leaves = False

    def passes(self, health: wire.Health) -> bool:
        """Whether this node passes each check that the reply admits to fail; True when it admits none.

        Of mail it knows what the last greeting brought and asks anew in the background; until a first one it says False.
        """
        vitals = self._node.vitals
        if health.scheduler_age_s > SCHEDULER_STALLED_S and vitals.scheduler_age_s > SCHEDULER_STALLED_S:
            return False
        if health.disk_full and vitals.disk_full:
            return False
        return not health.outbox_stuck or self._mail()

    def _mail(self) -> bool:
        now = self._node.ports.clock.mono()
        if now >= self._asked_at + MAIL_EVERY_S:
            self._asked_at = now
            self._node.executor.spawn(self._greet)
        return self._mail_leaves

    async def _greet(self) -> None:
        settings = self._node.mail_settings(self._profile)
        greetings = await self._node.ports.mailer.greet(settings) if settings.servers else ()
        self._mail_leaves = any(not greeting.trouble for greeting in greetings)
