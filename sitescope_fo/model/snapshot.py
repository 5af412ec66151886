"""The immutable picture of a node that every surface reads; its JSON is `status --json` of the contract."""

from __future__ import annotations

from typing import Any, Literal

import msgspec


class NodePart(msgspec.Struct, frozen=True, kw_only=True):
    """The node itself."""

    id: str
    role: str
    title: str
    host: str
    version: str
    started: str
    pid: int
    home: str
    url: str
    state: str = ""
    """On a primary: boot_check, running, yielded, stopping."""
    why: str = ""


class MonitorsPart(msgspec.Struct, frozen=True, kw_only=True):
    """Counters: total = good + warning + error + nodata + disabled; the others overlap."""

    total: int = 0
    running: int = 0
    suspended: int = 0
    disabled: int = 0
    good: int = 0
    warning: int = 0
    error: int = 0
    nodata: int = 0
    waiting: int = 0
    acknowledged: int = 0
    downtime: int = 0


class PrimaryPart(msgspec.Struct, frozen=True, kw_only=True):
    """The primary of a profile as last heard."""

    host: str
    port: int
    tls: bool
    node_id: str
    state: str
    version: str = ""
    skew_s: float = 0.0
    latency_ms: float = 0.0
    """Of its last answer."""


class MirrorPart(msgspec.Struct, frozen=True, kw_only=True):
    """The mirror of a profile."""

    revision: str = ""
    at: str = ""
    age_s: float = 0.0
    monitors: int = 0
    verified: bool = False
    drift: bool = False
    skipped: tuple[dict[str, str], ...] = ()
    retargeted: tuple[str, ...] = ()
    staged: str = ""
    last_error: str = ""


class ProfilePart(msgspec.Struct, frozen=True, kw_only=True):
    """One profile."""

    name: str
    primary: PrimaryPart
    state: str
    position: str
    conditions: tuple[str, ...]
    may_check: bool
    term: int
    since: str
    last_proof_of_life: str
    activates_at: str | None
    evidence: tuple[dict[str, str], ...]
    mirror: MirrorPart
    last_transition: dict[str, Any] | None
    merge: dict[str, int]
    next: str = ""
    """What happens next, and when, in one sentence."""
    hold: dict[str, str] | None = None
    handback: dict[str, str] | None = None
    overlaps: tuple[dict[str, str], ...] = ()
    blind_windows: int = 0
    monitors: MonitorsPart = MonitorsPart()
    """Of this profile alone."""
    preset: str = ""


class PeerPart(msgspec.Struct, frozen=True, kw_only=True):
    """On a primary: one failover."""

    node_id: str
    host: str
    port: int
    role: str
    listed_as: str
    last_seen: str
    accepted: bool


class OutboxPart(msgspec.Struct, frozen=True, kw_only=True):
    """Mails waiting."""

    depth: int = 0
    oldest_s: float = 0.0


class HealthPart(msgspec.Struct, frozen=True, kw_only=True):
    """Is the engine well?"""

    scheduler_age_s: float = 0.0
    loop_lag_p99_ms: float = 0.0
    outbox: OutboxPart = OutboxPart()
    disk_free_bytes: int = 0
    clock_skew_s: float = 0.0
    skipped: int = 0
    """Runs that were not made since the start because the last one had not ended or there was no room."""
    paused: int = 0
    """Runs that were not made because the whole engine was away, or the profile might not start any."""
    overdue: int = 0
    """Monitors that are due and wait for room."""
    hanging: int = 0
    """Checks that ignored their time-out, were given up and have not ended."""


class StatusReport(msgspec.Struct, frozen=True, kw_only=True):
    """`status --json`."""

    node: NodePart
    monitors: MonitorsPart
    profiles: tuple[ProfilePart, ...]
    peers: tuple[PeerPart, ...]
    health: HealthPart
    problems: tuple[dict[str, Any], ...] = ()
    """Configuration problems that keep the last good configuration in force."""
    revision: int = 0


class AckPart(msgspec.Struct, frozen=True, kw_only=True):
    """Who knows of a monitor's problem. `until` null: until it is good."""

    by: str
    at: str
    comment: str
    until: str | None = None


class DowntimePart(msgspec.Struct, frozen=True, kw_only=True):
    """The downtime a monitor is in."""

    id: str
    by: str
    reason: str
    start: str = msgspec.field(name="from")
    until: str


class AckRow(AckPart, frozen=True, kw_only=True):
    """One acknowledgement in the list. `status`: as the monitor is shown now; `id`: the monitor's."""

    id: str
    path: str
    profile: str
    status: str


class DowntimeRow(DowntimePart, frozen=True, kw_only=True):
    """One downtime in the list. `scope`: a group, a monitor path, or `/`; `monitors`: how many it covers; `at`: when typed."""

    scope: str
    profile: str
    state: Literal["planned", "running", "over"]
    monitors: int
    at: str
    ended_by: str = ""
    """Who ended it before its time."""


class MonitorRow(msgspec.Struct, frozen=True, kw_only=True):
    """One row of `monitor list --json`."""

    id: str
    path: str
    name: str
    type: str
    status: str
    state_string: str
    value: Any
    frequency_s: float
    enabled: bool
    suspended: bool
    waiting: bool
    last_run: str | None
    next_run: str | None
    profile: str
    schedule: str = ""
    """Outside it the monitor is not run and shows disabled; `next_run` is then its next opening or moment."""
    at_moments: bool = False
    """Its schedule is absolute: it runs at the moments of that, whatever `frequency_s` is."""
    acknowledged: bool = False
    ack: AckPart | None = None
    downtime: DowntimePart | None = None


class MonitorPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some of the rows that fit. `total`: how many fit; `next`: the offset of the next page, null on the last one.

    Whoever has read all pages goes on with `snapshot`, from the `revision` and `tree` of the first page.
    """

    rows: list[MonitorRow]
    total: int
    offset: int
    next: int | None
    revision: int = 0
    tree: str = ""


class MonitorChanges(msgspec.Struct, frozen=True, kw_only=True):
    """`snapshot`: the rows that changed after a revision, the newest form of each once.

    `whole`: rows may have come, gone or all changed, or it was too long ago: `rows` is empty, read all pages anew.
    `more`: there are more changes already; ask again at once with the new `revision`.
    """

    revision: int
    tree: str
    whole: bool = False
    rows: list[MonitorRow] = []
    more: bool = False


class ThresholdState(msgspec.Struct, frozen=True, kw_only=True):
    """One threshold of a monitor against its last result."""

    level: str
    expression: str
    holds: bool | None
    """Null: there is no result yet, or it measured none of the values that the threshold names."""
    text: str
    """The expression with what was measured in brackets."""
    values: dict[str, Any]
    """What each named value was; null when it was not measured."""


class MeasuredValue(msgspec.Struct, frozen=True, kw_only=True):
    """One value of the last result."""

    name: str
    value: Any
    unit: str = ""
    help: str = ""


class Dependency(msgspec.Struct, frozen=True, kw_only=True):
    """A monitor that another depends on; `needs`: the status that it must have."""

    path: str
    status: str
    needs: str
