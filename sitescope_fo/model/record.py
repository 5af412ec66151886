"""What queries tell of the past: the plot of a monitor, the timeline of a role, pages of a log.

Times are RFC 3339 in UTC, as everywhere in the JSON of this product.
"""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import field

Level = Literal["error", "warning", "good"]
Outcome = Literal["sent", "waiting", "refused"]


class HistoryPoint(msgspec.Struct, frozen=True, kw_only=True):
    """The results of one stretch of time: `at` is its start. Figures are null where no number was measured."""

    at: str
    min: float | None
    max: float | None
    last: float | None
    status: str
    """The worst of them: error, warning, good, then nodata."""
    results: int


class ThresholdLine(msgspec.Struct, frozen=True, kw_only=True):
    """A threshold that can be drawn: the plotted value compared with a number, in the base unit of the value."""

    level: Level
    expression: str
    """The whole threshold as written; this comparison may be only a part of it."""
    op: Literal["==", "!=", "<", "<=", ">", ">="]
    """As `plotted value OP value`, also where it was written the other way round."""
    value: float


class StateSpan(msgspec.Struct, frozen=True, kw_only=True):
    """One status in a row."""

    since: str = field(name="from")
    until: str = field(name="to")
    status: str


class BlindSpan(msgspec.Struct, frozen=True, kw_only=True):
    """Nobody watched."""

    since: str = field(name="from")
    until: str = field(name="to")


class OverlapSpan(msgspec.Struct, frozen=True, kw_only=True):
    """Both nodes watched, or may have; `to` is null while they still do."""

    since: str = field(name="from")
    until: str | None = field(name="to")
    why: str


class AlertTold(msgspec.Struct, frozen=True, kw_only=True):
    """One mail of this node about a monitor: when it was sent (else made), by which alert, to whom, what it said, its fate."""

    at: str
    name: str
    to: str
    status: str
    outcome: Outcome


class MonitorHistory(msgspec.Struct, frozen=True, kw_only=True):
    """`monitor_history`: everything that a plot of one monitor shows, oldest first."""

    path: str
    profile: str
    since: str = field(name="from")
    until: str = field(name="to")
    name: str
    """The value that is plotted; "" when the monitor has measured no number."""
    unit: str
    """Of the value: `s`, `%`, `bytes`, `days`, `count` or ""."""
    names: tuple[str, ...]
    """The values that can be plotted."""
    points: tuple[HistoryPoint, ...] = ()
    thresholds: tuple[ThresholdLine, ...] = ()
    states: tuple[StateSpan, ...] = ()
    blind: tuple[BlindSpan, ...] = ()
    overlaps: tuple[OverlapSpan, ...] = ()
    alerts: tuple[AlertTold, ...] = ()
    cut: str | None = None
    """Results before this moment were too many to be read; null = all of the time asked for is here."""


class SeenEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """One observation."""

    at: str
    kind: str
    what: str


class TimelineStep(msgspec.Struct, frozen=True, kw_only=True):
    """One change of role, with what it rests on."""

    at: str
    source: str = field(name="from")
    """The position before, "" at the start of a node."""
    to: str
    why: str
    term: int
    evidence: tuple[SeenEvidence, ...] = ()


class LogPage(msgspec.Struct, frozen=True, kw_only=True):
    """`log`: some lines of a log, oldest first, and where to go on from them."""

    lines: tuple[str, ...]
    offsets: tuple[int | None, ...]
    """Where each line begins in the file, in bytes; null for a line of an older part."""
    prev: int
    """Ask with `before` this for the lines above; 0: there are none in this file."""
    next: int
    """Ask with `since` this for the lines below, also for those that are yet to come."""
    size: int
    """Bytes of the file."""
    end: bool
    """Whether `next` is the end of the file as it is now."""


class LogFile(msgspec.Struct, frozen=True, kw_only=True):
    """One file of a log: its name for `log`, its size, its first and last stamp ("" when it has none)."""

    name: str
    bytes: int
    since: str = field(name="from")
    until: str = field(name="to")
