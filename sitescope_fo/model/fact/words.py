"""What operators say about monitors, after validation, and the peer's words and states of a tree."""

from __future__ import annotations

from sitescope_fo.model.fact.root import Fact
from sitescope_fo.model.monitor import MonitorKey
from sitescope_fo.model.wire import Acknowledgement, Downtime


class Acknowledged(Fact, frozen=True, kw_only=True):
    """Somebody knows of the monitor's problem; `key.id` is its `monitor`. Replaces an earlier acknowledgement."""

    key: MonitorKey
    value: Acknowledgement


class AckRemoved(Fact, frozen=True, kw_only=True):
    """The acknowledgement is taken back."""

    key: MonitorKey
    by: str
    node: str


class DowntimeSet(Fact, frozen=True, kw_only=True):
    """A downtime was planned."""

    profile: str
    """Whose tree it is about, "" = own."""
    value: Downtime


class DowntimeEnded(Fact, frozen=True, kw_only=True):
    """A downtime is over before its time, or does not come."""

    profile: str
    id: str
    by: str
    node: str


class OperatorStateReceived(Fact, frozen=True, kw_only=True):
    """The peer's acknowledgements and downtimes (wire form) for a tree; merged entry by entry, the newest wins."""

    profile: str
    data: bytes
