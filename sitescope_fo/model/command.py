"""Everything an operator can ask for. Each command names the least level it needs and whether it works on a stopped node.

A command is validated in one place (`node/control`), becomes a fact or a change of configuration files, and its outcome is seen
in the next snapshot like every other change. `offline` commands only touch configuration and work under the home's lock while no
daemon runs.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import msgspec

from sitescope_fo.model.command_root import Command, ConfigCommand
from sitescope_fo.model.errors import ErrorBody
from sitescope_fo.model.monitor import Setting
from sitescope_fo.model.service import Level
from sitescope_fo.model.trust_command import (
    CertCreate,
    CertFetch,
    CertImport,
    CertRemove,
    LwssoCheck,
    LwssoSet,
    SecretRemove,
    SecretSet,
    TokenAdd,
    TokenRevoke,
    UserAdd,
    UserPasswd,
    UserRemove,
)

__all__ = [
    "CertCreate",
    "CertFetch",
    "CertImport",
    "CertRemove",
    "Command",
    "ConfigCommand",
    "LwssoCheck",
    "LwssoSet",
    "SecretRemove",
    "SecretSet",
    "TokenAdd",
    "TokenRevoke",
    "UserAdd",
    "UserPasswd",
    "UserRemove",
]

HOLD_DEFAULT_S = 4 * 3600.0
HOLD_LONGEST_S = 7 * 86400.0
ACK_LONGEST_S = 365 * 86400.0
DOWNTIME_LONGEST_S = 365 * 86400.0


# --- groups, monitors, alerts, mail ---------------------------------------------------------------------------------


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
    changes: dict[str, Any] = {}
    settings: dict[str, Setting] = {}
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


class AlertAdd(ConfigCommand, frozen=True, kw_only=True):
    """Adds an alert. `scope`: a group, a monitor path, or `/` for the node."""

    scope: str
    name: str
    on: str = "error"
    when: str = "once after 1"
    to: tuple[str, ...] = ()
    profile: str = ""
    force: bool = False


class AlertEdit(ConfigCommand, frozen=True, kw_only=True):
    """Changes an alert; empty fields stay."""

    scope: str
    name: str
    new_name: str = ""
    on: str = ""
    when: str = ""
    to: tuple[str, ...] = ()
    enabled: bool | None = None
    profile: str = ""
    force: bool = False


class AlertRemove(ConfigCommand, frozen=True, kw_only=True):
    """Removes an alert."""

    scope: str
    name: str
    profile: str = ""
    force: bool = False


class AlertTest(Command, frozen=True, kw_only=True):
    """Sends a test of an alert to its recipients, now."""

    scope: str
    name: str


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


class MailSet(ConfigCommand, frozen=True, kw_only=True):
    """E-mail settings; empty fields stay as they are."""

    host: str = ""
    port: int = 0
    sender: str = ""
    to: tuple[str, ...] = ()
    backup: str = ""
    security: Literal["", "none", "starttls", "tls"] = ""
    user: str = ""
    password: str = ""


class MailTest(Command, frozen=True, kw_only=True):
    """Sends a test message ("" = to the default recipients) and says which server took it."""

    to: str = ""


class MailTemplateSet(ConfigCommand, frozen=True, kw_only=True):
    """Replaces a mail template after it rendered with sample data; text "" puts the built-in one back."""

    name: str
    text: str


# --- what people say about monitors ---------------------------------------------------------------------------------


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


# --- profiles and peers ---------------------------------------------------------------------------------------------


class ProfileAdd(ConfigCommand, frozen=True, kw_only=True):
    """Adds a failover profile. Durations in seconds; None = the preset's."""

    name: str
    primary_host: str
    primary_port: int = 0
    tls: bool = False
    preset: str = "classic"
    check_every_s: float | None = None
    soft_timeout_s: float | None = None
    hard_timeout_s: float | None = None
    misses: int | None = None
    activate_after_s: float | None = None
    stable_for_s: float | None = None
    mirror_every_s: float | None = None
    merge_back: bool = False
    backups: int = 2
    disable_apm: bool = False
    self_targets: str = "retarget"
    check_schedule: str = ""
    mirror_schedule: str = ""
    notify: tuple[str, ...] = ()
    without_primary: bool = False
    """`--offline`: do not insist on a reachable primary."""


class ProfileEdit(ConfigCommand, frozen=True, kw_only=True):
    """Changes a profile. `changes` maps field names of `ProfileAdd` (without name) to new values."""

    name: str
    changes: dict[str, Any]


class ProfileRemove(ConfigCommand, frozen=True, kw_only=True):
    """Removes a profile; refused while it acts."""

    name: str


class ProfileRebind(ConfigCommand, frozen=True, kw_only=True):
    """Forgets the bound node id: the next authenticated primary at the address is bound."""

    name: str


class ProfileDefaults(ConfigCommand, frozen=True, kw_only=True):
    """Default Settings: recipients of role mails."""

    notify: tuple[str, ...]


class ProfileTest(Command, frozen=True, kw_only=True):
    """The Test dialog: rows of id, verdict, evidence, remedy. On a primary, NAME is the profile its failover lists it as."""

    name: str
    mail: str = ""


class PeerAccept(ConfigCommand, frozen=True, kw_only=True):
    """Primary: trusts a further failover."""

    node_id: str


class PeerRemove(ConfigCommand, frozen=True, kw_only=True):
    """Primary: forgets a failover."""

    node_id: str


# --- roles ----------------------------------------------------------------------------------------------------------


class Mirror(Command, frozen=True, kw_only=True):
    """Mirrors now (full verification); `accept` takes a staged shrink; `quick` only asks whether the revision is another."""

    name: str
    accept: bool = False
    quick: bool = False


class Activate(Command, frozen=True, kw_only=True):
    """Takes over without waiting; for a primary that is gone."""

    level: ClassVar[Level] = Level.administrator
    name: str


class Standby(Command, frozen=True, kw_only=True):
    """Steps back by a hand-back; `force` without the primary's word, which also sets a hold."""

    name: str
    force: bool = False


class Switchover(Command, frozen=True, kw_only=True):
    """Planned take-over from a running primary."""

    name: str
    for_s: float = HOLD_DEFAULT_S


class HoldProfile(Command, frozen=True, kw_only=True):
    """No automatic role change until the hold ends."""

    name: str
    reason: str
    for_s: float = HOLD_DEFAULT_S


class ReleaseProfile(Command, frozen=True, kw_only=True):
    """Lifts a hold."""

    name: str


class UnlockProfile(Command, frozen=True, kw_only=True):
    """Lifts the flap lock."""

    name: str


# --- the node -------------------------------------------------------------------------------------------------------


class ConfigSet(ConfigCommand, frozen=True, kw_only=True):
    """Sets a key of config.toml, as text."""

    key: str
    value: str


class Reload(Command, frozen=True, kw_only=True):
    """Reads the configuration files again now."""


class HistoryVerify(Command, frozen=True, kw_only=True):
    """Verifies one history zip, or all of a profile."""

    name: str
    snapshot: str = ""


AnyCommand = (
    GroupAdd
    | GroupRemove
    | MonitorAdd
    | MonitorEdit
    | MonitorRemove
    | MonitorEnable
    | MonitorRun
    | AlertAdd
    | AlertEdit
    | AlertRemove
    | AlertTest
    | ScheduleAdd
    | ScheduleEdit
    | ScheduleRemove
    | MailSet
    | MailTest
    | MailTemplateSet
    | Ack
    | Unack
    | DowntimeAdd
    | DowntimeEnd
    | ProfileAdd
    | ProfileEdit
    | ProfileRemove
    | ProfileRebind
    | ProfileDefaults
    | ProfileTest
    | PeerAccept
    | PeerRemove
    | Mirror
    | Activate
    | Standby
    | Switchover
    | HoldProfile
    | ReleaseProfile
    | UnlockProfile
    | LwssoSet
    | UserAdd
    | UserPasswd
    | UserRemove
    | TokenAdd
    | TokenRevoke
    | LwssoCheck
    | SecretSet
    | SecretRemove
    | CertCreate
    | CertImport
    | CertFetch
    | CertRemove
    | ConfigSet
    | Reload
    | HistoryVerify
)


class CommandRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One command on its way. The same id again gives the same answer."""

    id: str
    body: AnyCommand
    wait_s: float = 30.0


class CommandReply(msgspec.Struct, frozen=True, kw_only=True):
    """How a command stands. `result` is what `--json` prints, `text` what people read."""

    id: str
    outcome: Literal["done", "refused", "failed", "running"]
    text: str = ""
    result: Any = None
    error: ErrorBody | None = None
    progress: float = 0.0
    revision: int = 0
