"""How monitors are shown now: status, state, value and times of one row."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from sitescope_fo.engine.calendar import Calendar
from sitescope_fo.engine.operator_state import Standing
from sitescope_fo.engine.state import MONITOR, MonitorState
from sitescope_fo.model.monitor import Monitor, MonitorKey
from sitescope_fo.model.snapshot import AckPart, DowntimePart, MonitorRow
from sitescope_fo.model.status import Status
from sitescope_fo.model.wire import Acknowledgement, Downtime
from sitescope_fo.node import timetable
from sitescope_fo.node.decide import may_check

if TYPE_CHECKING:
    from sitescope_fo.node.core import Node


def stamp(wall: float) -> str:
    """RFC 3339 in UTC with milliseconds; "" for "never" (0)."""
    if not wall:
        return ""
    second, milli = divmod(math.floor(wall * 1000 + 1e-3), 1000)
    return f"{_second(second)}.{milli:03d}Z"


@lru_cache(maxsize=4096)
def _second(second: int) -> str:
    """Making the text of a moment costs as much as all the rest of a row, and most rows share few seconds."""
    return datetime.fromtimestamp(second, UTC).isoformat().removesuffix("+00:00")


def everything(node: Node, profile: str | None = None) -> Iterator[tuple[MonitorKey, Monitor]]:
    """Every monitor this node knows, or those of one profile, in the order of the trees."""
    catalogue = node.world.catalogue
    for name in catalogue.profiles if profile is None else (profile,):
        for monitor in catalogue.monitors(name).values():
            yield MonitorKey(name, monitor.id), monitor


class RowState:
    """How one monitor is shown now."""

    __slots__ = ("outside", "shown", "state", "suspended", "waiting")

    def __init__(
        self, shown: Status, state: MonitorState | None, *, suspended: bool = False, waiting: bool = False, outside: str = ""
    ) -> None:
        self.shown, self.state, self.suspended, self.waiting, self.outside = shown, state, suspended, waiting, outside


class Rows:
    """How the monitors of one tree are shown now. What is the same for all is asked once: 10,000 are counted at a time."""

    __slots__ = ("_ahead_s", "_calendars", "_may_check", "_node", "_profile", "_states", "_term", "_wall", "standing")

    def __init__(self, node: Node, profile: str) -> None:
        now = node.ports.clock.now()
        self._node, self._profile = node, profile
        self._may_check = may_check(node.writer.table, node.role, profile)
        self._term = node.term_of(profile)
        self._states: Mapping[str, MonitorState] = node.writer.table.of(MONITOR)
        self._ahead_s, self._wall = now.wall - now.mono, now.wall
        self._calendars: dict[str, tuple[Calendar | None, str]] = {}
        self.standing = Standing(node.writer.table, profile, now.wall)

    def state(self, monitor: Monitor) -> RowState:
        """A suspended monitor shows disabled, and so does one outside its schedule, whatever its last result was.

        One just activated stays disabled and waiting until its first run (guide), unless its schedule lets it wait.
        """
        state = self._states.get(str(MonitorKey(self._profile, monitor.id)) if self._profile else monitor.id)
        if not monitor.enabled or not self._may_check:
            return RowState(Status.disabled, state, suspended=monitor.enabled)
        due = state is None or bool(self._profile and state.term < self._term)
        if monitor.schedule and (outside := self._outside(monitor, state, due=due)):
            return RowState(Status.disabled, state, outside=outside)
        if state is None or due:
            waiting = bool(self._profile)
            return RowState(Status.disabled if waiting else Status.nodata, state, waiting=waiting)
        return RowState(state.status, state)

    def _outside(self, monitor: Monitor, state: MonitorState | None, *, due: bool) -> str:
        """How a monitor is outside its schedule, "" when it is not.

        Between two moments of an absolute schedule the last result stands; without one of this term it waits for the next moment,
        but for one that was missed it does not.
        """
        calendar, said = self._calendar(monitor)
        if calendar is None or (not due if calendar.absolute else not calendar.shut(self._wall)):
            return ""
        missed = calendar.absolute and state is not None and calendar.moment(state.last_wall) <= self._wall
        return "" if missed else said

    def _calendar(self, monitor: Monitor) -> tuple[Calendar | None, str]:
        """The calendar it follows, and what is said of a monitor that is outside it."""
        known = self._calendars.get(monitor.schedule)
        if known is None:
            calendar = timetable.calendar(self._node, self._profile, monitor)
            said = calendar.outside(self._wall) if calendar is not None else ""
            known = self._calendars[monitor.schedule] = (calendar, said)
        return known

    def _at_moments(self, monitor: Monitor) -> bool:
        calendar, _ = self._calendar(monitor)
        return calendar is not None and calendar.absolute

    def text(self, row: RowState) -> str:
        """The state string that people see."""
        if row.suspended:
            kept = "this node is in standby for it" if self._profile else "this node waits for its failover"
            return f"suspended: {kept}"
        if row.outside:
            return row.outside
        if row.waiting:
            return "waiting for its first run after activation"
        return row.state.state_string if row.state is not None else ""

    def row(self, monitor: Monitor, *, result: bool = False) -> MonitorRow:
        """The whole row; with `result` as its last result is, also outside its schedule."""
        row = self.state(monitor)
        if result and row.outside and row.state is not None:
            row = RowState(row.state.status, row.state)
        known = row.state
        ack, downtime = self.standing.acknowledgement(monitor.id), self.standing.downtime(monitor)
        following = self._node.plan.next_run(MonitorKey(self._profile, monitor.id))
        return MonitorRow(
            id=monitor.id,
            path=monitor.path,
            name=monitor.name,
            type=monitor.type,
            status=row.shown.value,
            state_string=self.text(row),
            value=known.value if known is not None else None,
            frequency_s=monitor.frequency_s,
            enabled=monitor.enabled,
            suspended=row.suspended,
            waiting=row.waiting,
            last_run=stamp(known.last_wall) or None if known is not None else None,
            next_run=stamp(self._ahead_s + following) if following is not None else None,
            profile=self._profile,
            schedule=monitor.schedule,
            at_moments=bool(monitor.schedule) and self._at_moments(monitor),
            acknowledged=ack is not None,
            ack=None if ack is None else ack_part(ack),
            downtime=None if downtime is None else downtime_part(downtime),
        )


def ack_part(ack: Acknowledgement) -> AckPart:
    """An acknowledgement as a row shows it."""
    return AckPart(by=ack.by, at=stamp(ack.at), comment=ack.comment, until=stamp(ack.until) or None)


def downtime_part(downtime: Downtime) -> DowntimePart:
    """A downtime as a row shows it."""
    start, until = stamp(downtime.start), stamp(downtime.end)
    return DowntimePart(id=downtime.id, by=downtime.by, reason=downtime.reason, start=start, until=until)


def monitor_row(node: Node, key: MonitorKey, monitor: Monitor, *, result: bool = False) -> MonitorRow:
    """One row of `monitor list --json`; `result` as in `Rows.row`."""
    return Rows(node, key.profile).row(monitor, result=result)
