"""Commands about groups, monitors and schedules."""

from __future__ import annotations

from typing import Any

import msgspec

from sitescope_fo.model.command.root import Command, ConfigCommand
from sitescope_fo.model.monitor import Setting


class GroupAdd(ConfigCommand, frozen=True, kw_only=True):
    """Adds a group and its missing parents."""

    path: str
    description: str = ""
    depends_on: str = ""
    profile: str = ""
    force: bool = False


class GroupRemove(ConfigCommand, frozen=True, kw_only=True):
    """Removes a group; with monitors or sub-groups only when `recursive`."""

    path: str
    recursive: bool = False
    profile: str = ""
    force: bool = False


class MonitorAdd(ConfigCommand, frozen=True, kw_only=True):
    """Adds a monitor to a group. `table` is the monitor's table as it stands in a group file, without id."""

    group: str
    table: dict[str, Any]
    profile: str = ""
    force: bool = False


class MonitorEdit(ConfigCommand, frozen=True, kw_only=True):
    """Changes keys of a monitor; `settings` are merged into its settings; `unset` names keys or `settings.KEY` to drop."""

    path: str
    changes: dict[str, Any] = msgspec.field(default_factory=dict)
    settings: dict[str, Setting] = msgspec.field(default_factory=dict)
    unset: tuple[str, ...] = ()
    profile: str = ""
    force: bool = False


class MonitorRemove(ConfigCommand, frozen=True, kw_only=True):
    """Removes a monitor."""

    path: str
    profile: str = ""
    force: bool = False


class MonitorEnable(ConfigCommand, frozen=True, kw_only=True):
    """Switches a monitor on or off."""

    path: str
    enabled: bool
    profile: str = ""
    force: bool = False


class MonitorRun(Command, frozen=True, kw_only=True):
    """Runs a monitor now; the result is recorded like any other."""

    path: str


class ScheduleAdd(ConfigCommand, frozen=True, kw_only=True):
    """Adds a schedule: a range by `windows` ("mon-fri 08:00-18:00"), or an absolute one by `moments` ("mon-fri 06:00")."""

    name: str
    windows: tuple[str, ...] = ()
    moments: tuple[str, ...] = ()
    profile: str = ""
    force: bool = False


class ScheduleEdit(ConfigCommand, frozen=True, kw_only=True):
    """Changes a schedule; empty fields stay, new times replace all old ones. One in use keeps its name and its kind."""

    name: str
    new_name: str = ""
    windows: tuple[str, ...] = ()
    moments: tuple[str, ...] = ()
    profile: str = ""
    force: bool = False


class ScheduleRemove(ConfigCommand, frozen=True, kw_only=True):
    """Removes a schedule that neither a monitor nor a profile uses."""

    name: str
    profile: str = ""
    force: bool = False


TreeCommand = (
    GroupAdd
    | GroupRemove
    | MonitorAdd
    | MonitorEdit
    | MonitorRemove
    | MonitorEnable
    | MonitorRun
    | ScheduleAdd
    | ScheduleEdit
    | ScheduleRemove
)
