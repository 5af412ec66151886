"""Words for states: of monitors, roles, positions, conditions."""

from __future__ import annotations

from enum import StrEnum


class Status(StrEnum):
    """What a monitor's last judgement says. `nodata`: no result for this period; `disabled`: not run on purpose or not yet."""

    good = "good"
    warning = "warning"
    error = "error"
    nodata = "nodata"
    disabled = "disabled"


class Role(StrEnum):
    """What a node is."""

    primary = "primary"
    failover = "failover"


class Position(StrEnum):
    """Where a profile's machine stands (durable). See 'State' in the failover design."""

    standby = "standby"
    suspect = "suspect"
    grace = "grace"
    announced = "announced"
    activating = "activating"
    active = "active"
    recovering = "recovering"
    handback = "handback"


PASSIVE = frozenset({Position.standby, Position.suspect, Position.grace, Position.announced})
ACTING = frozenset({Position.activating, Position.active, Position.recovering})


class Condition(StrEnum):
    """What else is true of a profile, beside its position."""

    no_mirror = "no_mirror"
    unverifiable = "unverifiable"
    isolated = "isolated"
    frozen = "frozen"
    fault = "fault"
    hold = "hold"
    flap_lock = "flap_lock"


class PrimaryState(StrEnum):
    """Where the primary's side stands."""

    boot_check = "boot_check"
    running = "running"
    yielded = "yielded"
    stopping = "stopping"
    unknown = "unknown"


class EvidenceKind(StrEnum):
    """What kind of observation an evidence line is."""

    probe_ok = "probe_ok"
    probe_late = "probe_late"
    miss_timeout = "miss_timeout"
    miss_refused = "miss_refused"
    miss_unresolved = "miss_unresolved"
    foreign = "foreign"
    unverifiable = "unverifiable"
    degraded = "degraded"
    gate = "gate"
    operator = "operator"
    goodbye = "goodbye"
    boot_check = "boot_check"
    yielded = "yield"
    mirror = "mirror"
    merge = "merge"
    clock = "clock"
    store = "store"
    start = "start"
