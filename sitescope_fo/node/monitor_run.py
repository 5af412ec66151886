"""`monitor run`: one monitor at once, and what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio

from sitescope_fo.engine.state import MonitorState
from sitescope_fo.model.command import MonitorRun
from sitescope_fo.model.errors import Bad, Refused
from sitescope_fo.model.monitor import MonitorKey
from sitescope_fo.model.snapshot import MonitorRow
from sitescope_fo.model.status import Role
from sitescope_fo.node import decide
from sitescope_fo.node.monitor_rows import monitor_row

if TYPE_CHECKING:
    from sitescope_fo.node.core import Node

RUN_MARGIN_S = 10.0


async def apply(node: Node, body: MonitorRun) -> tuple[str, Any]:
    """(text, row) once the result is in. Raises Refused when it cannot run, Bad when nothing came."""
    key = node.world.catalogue.find(body.path)
    if not node.may_start(key.profile):
        who = "the primary" if node.role is Role.failover else "the failover"
        raise Refused(f"This node does not run '{body.path}' now", where=str(key), hint=f"Run it on {who}", code="suspended")
    row = await _result(node, key)
    return f"{row.path}: {row.status} {row.state_string}", row


async def _result(node: Node, key: MonitorKey) -> MonitorRow:
    monitor = node.world.catalogue.monitor(key)
    if monitor is None or not monitor.enabled:
        raise Refused("The monitor is disabled", where=str(key), hint="sitescope-fo monitor enable PATH", code="disabled")
    before = _last_run(node, key)
    if not node.runner.run_now(key) and key not in node.runner.in_flight():
        raise Refused("The monitor is not scheduled yet", where=monitor.path, hint="Try again", code="not_scheduled")
    longest_s = monitor.timeout_s * (2 if monitor.verify_error else 1) + RUN_MARGIN_S
    with anyio.move_on_after(longest_s):
        while True:
            if _last_run(node, key) != before:
                return monitor_row(node, key, monitor, result=True)
            await node.writer.changed()
    raise Bad(f"No result within {longest_s:.0f} s", where=monitor.path, code="no_result")


def _last_run(node: Node, key: MonitorKey) -> tuple[float, float]:
    state: MonitorState | None = node.writer.table.get(decide.key_cell(key))
    return (state.last_wall, state.started_mono) if state is not None else (0.0, 0.0)
