"""What people say about monitors: problems they know of, work they plan."""

from __future__ import annotations

import msgspec

from sitescope_fo.model.command.root import Command

ACK_LONGEST_S = 365 * 86400.0
DOWNTIME_LONGEST_S = 365 * 86400.0


class Ack(Command, frozen=True, kw_only=True):
    """Acknowledges the problem of a monitor until it is good, or for `for_s` seconds at most. Replaces an earlier one."""

    path: str
    comment: str
    for_s: float | None = None


class Unack(Command, frozen=True, kw_only=True):
    """Takes an acknowledgement back."""

    path: str


class DowntimeAdd(Command, frozen=True, kw_only=True):
    """Plans a downtime. `scope`: a group, a monitor path, or `/`, each perhaps behind `profile:`; `from`: ISO, "" = now."""

    scope: str
    reason: str
    start: str = msgspec.field(name="from", default="")
    for_s: float


class DowntimeEnd(Command, frozen=True, kw_only=True):
    """Ends a downtime now, or cancels one to come."""

    id: str


WordsCommand = Ack | Unack | DowntimeAdd | DowntimeEnd
