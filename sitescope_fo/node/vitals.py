"""The node's own pulse: loop lag, disk space, and the health reply its peers get."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import anyio

from sitescope_fo.engine import exchange, operator_state
from sitescope_fo.engine.cells import Cell
from sitescope_fo.engine.state import ACK, DOWNTIME, LEDGER, PULSE, Pulse
from sitescope_fo.model import wire
from sitescope_fo.model.fact import LoopLate
from sitescope_fo.model.status import PrimaryState, Role
from sitescope_fo.notify import outbox

if TYPE_CHECKING:
    from sitescope_fo.node.core import Node

BEAT_S = 0.25
LATE_S = 1.0
BEATS_KEPT = 240
DISK_FULL_BYTES = 16 * 1024 * 1024
DISK_EVERY_BEATS = 40


class Vitals:
    """Measures; never decides."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._lags: deque[float] = deque(maxlen=BEATS_KEPT)
        self._started = node.ports.clock.mono()
        self.disk_free = node.ports.disk_free()
        self._digest = (-1, "")
        self._operator_digest = ((-1, -1), "")
        self.told = exchange.Told("")

    async def run(self) -> None:
        """Beats for ever."""
        clock = self._node.ports.clock
        beats = 0
        while True:
            before = clock.mono()
            await anyio.sleep(BEAT_S)
            lag = clock.mono() - before - BEAT_S
            self._lags.append(max(lag, 0.0))
            if lag >= LATE_S:
                self._node.submit(LoopLate(late_s=lag))
            beats += 1
            if beats % DISK_EVERY_BEATS == 0:
                self.disk_free = self._node.ports.disk_free()

    @property
    def loop_lag_p99_ms(self) -> float:
        """99th percentile of the loop's lag over the last minute, in milliseconds."""
        lags = sorted(self._lags)
        return round(1000 * lags[int(0.99 * (len(lags) - 1))], 3) if lags else 0.0

    @property
    def scheduler_age_s(self) -> float:
        """Age of the last no-op check that came through scheduler, runner and writer."""
        pulse: Pulse | None = self._node.writer.table.get(Cell(PULSE))
        since = pulse.finished_mono if pulse is not None else self._started
        return max(0.0, self._node.ports.clock.mono() - since)

    @property
    def disk_full(self) -> bool:
        """There is no room left, or the state cannot be written."""
        return self.disk_free < DISK_FULL_BYTES or bool(self._node.writer.failing)

    def outbox(self) -> tuple[int, float, bool]:
        """(mails waiting, age of the oldest in seconds, stuck)."""
        cells, now = self._node.writer.table, self._node.ports.clock.now()
        figures = outbox.figures(cells, now, self._node.may_notify)
        return figures.depth, figures.oldest_s, figures.stuck

    def health(self) -> wire.Health:
        """What a peer is told."""
        node = self._node
        side = node.primary_side()
        depth, oldest, stuck = self.outbox()
        manifest = node.own.manifest
        catalogue = node.world.catalogue
        return wire.Health(
            node_id=node.node_id,
            boot_id=node.boot_id,
            role=node.role,
            host=node.world.host,
            version=node.version,
            state=self._state(),
            term=side.journal.term if side is not None else 0,
            scheduler_age_s=self.scheduler_age_s,
            running=len(node.runner.in_flight()),
            overdue=node.plan.overdue,
            loop_lag_p99_ms=self.loop_lag_p99_ms,
            outbox_depth=depth,
            outbox_age_s=oldest,
            outbox_stuck=stuck,
            disk_free_bytes=self.disk_free,
            disk_full=self.disk_full,
            revision=manifest.revision if manifest is not None else "",
            revision_age_s=max(node.own.age_s, 0.0),
            monitors=len(catalogue.monitors("")),
            ledger_digest=self._ledger_digest(),
            operator_digest=self._operators(),
            wall=node.ports.clock.wall(),
            home=str(node.home.root),
            user=node.ports.user,
        )

    def _state(self) -> PrimaryState:
        """Where the primary's side stands; `boot_check` from the moment on at which it has slept for too long.

        Requests that came meanwhile are answered before the writer looks at the time, and `running` would be no honest word.
        """
        side = self._node.primary_side()
        if side is None:
            return PrimaryState.unknown
        if self._node.stopping:
            return PrimaryState.stopping
        return PrimaryState.boot_check if side.may_check and not self._node.may_start("") else side.state

    def _ledger_digest(self) -> str:
        """Of the own tree's ledger on a primary; looked at again only when a ledger has changed."""
        node = self._node
        if node.role is not Role.primary:
            return ""
        version = node.writer.table.version(LEDGER)
        if self._digest[0] != version:
            self._digest = (version, self.told.digest(node.writer.table))
        return self._digest[1]

    def _operators(self) -> str:
        """Digest of the own tree's acknowledgements and downtimes on a primary; worked out again only when one has changed."""
        node = self._node
        if node.role is not Role.primary:
            return ""
        cells = node.writer.table
        version = cells.version(ACK), cells.version(DOWNTIME)
        if self._operator_digest[0] != version:
            self._operator_digest = (version, operator_state.operator_body(cells, "").digest)
        return self._operator_digest[1]
