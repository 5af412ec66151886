"""Monitors, groups, alerts and what a check gives back."""

from __future__ import annotations

from typing import Literal

import msgspec

from sitescope_fo.model.status import Status

Value = float | int | str | bool
"""A measured value. Durations are seconds, sizes bytes, shares percent (0-100)."""

Setting = Value | list[str]
"""A setting of a monitor as written in its group file."""


class MonitorKey(msgspec.Struct, frozen=True, order=True):
    """Who a monitor is: the profile it is mirrored for ("" = the node's own) and its stable id."""

    profile: str
    id: str

    def __str__(self) -> str:
        return f"{self.profile}:{self.id}" if self.profile else self.id


class Monitor(msgspec.Struct, frozen=True, kw_only=True):
    """One monitor as configured and resolved: defaults applied, durations in seconds, dependency as an id."""

    id: str
    name: str
    path: str
    type: str
    frequency_s: float = 600.0
    error_frequency_s: float = 0.0
    verify_error: bool = False
    schedule: str = ""
    enabled: bool = True
    timeout_s: float = 30.0
    settings: dict[str, Setting] = {}
    error_if: tuple[str, ...] = ()
    warning_if: tuple[str, ...] = ()
    good_if: tuple[str, ...] = ()
    depends_on: str = ""
    depends_condition: Status = Status.good
    description: str = ""

    @property
    def group(self) -> str:
        """The path of the group it stands in."""
        return self.path.rpartition("/")[0]


class When(msgspec.Struct, frozen=True, kw_only=True):
    """When an alert is sent, counted in consecutive results of the alert's status.

    `always after N`: at the Nth and each later one. `once after N`: at the Nth only.
    `first after X then every Y`: at the Xth, then each Yth.
    """

    kind: Literal["always", "once", "repeat"] = "once"
    after: int = 1
    every: int = 1


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """One alert rule: it applies to every monitor whose path is `scope` or lies below it ("" = the whole node)."""

    id: str
    name: str
    scope: str
    on: Status = Status.error
    when: When = When()
    actions: tuple[str, ...] = ()
    recovery: bool = True
    enabled: bool = True

    def covers(self, path: str) -> bool:
        """Whether the rule applies to the monitor at `path`."""
        return not self.scope or path == self.scope or path.startswith(self.scope + "/")


class Action(msgspec.Struct, frozen=True, kw_only=True):
    """Where an alert goes: `mail` with recipients (an inline `mail:ADDR` is one too)."""

    name: str
    kind: Literal["mail"] = "mail"
    to: tuple[str, ...] = ()


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """One group: its path, stable id, and an optional dependency that every monitor below it inherits."""

    id: str
    path: str
    name: str
    depends_on: str = ""
    depends_condition: Status = Status.good
    description: str = ""


class CheckResult(msgspec.Struct, frozen=True, kw_only=True):
    """What one run of a check saw, before any threshold.

    `failure` is "" when the check got its answer, else how it did not: timeout, refused, unresolved, unreachable, reset, tls,
    protocol, missing (a script or file that is not there), denied, internal, nodata. `summary` is one line for people.
    """

    values: dict[str, Value] = {}
    summary: str = ""
    failure: str = ""
    duration_s: float = 0.0


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """The verdict on one result: the status, which expression decided it, and the state string shown to people."""

    status: Status
    because: str = ""
    state_string: str = ""
