"""Everything an operator can ask for. Each command names the least level it needs and whether it works on a stopped node.

A command is validated in one place (`node/control`), becomes a fact or a change of configuration files, and its outcome is seen
in the next snapshot like every other change. `offline` commands only touch configuration and work under the home's lock while no
daemon runs.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from sitescope_fo.model.command.alert import (
    AlertAdd,
    AlertCommand,
    AlertEdit,
    AlertRemove,
    AlertTest,
    MailSet,
    MailTemplateSet,
    MailTest,
)
from sitescope_fo.model.command.node import ConfigSet, HistoryVerify, NodeCommand, Reload
from sitescope_fo.model.command.profile import (
    PeerAccept,
    PeerRemove,
    ProfileAdd,
    ProfileCommand,
    ProfileDefaults,
    ProfileEdit,
    ProfileRebind,
    ProfileRemove,
    ProfileTest,
)
from sitescope_fo.model.command.role import (
    HOLD_DEFAULT_S,
    HOLD_LONGEST_S,
    Activate,
    HoldProfile,
    Mirror,
    ReleaseProfile,
    RoleCommand,
    Standby,
    Switchover,
    UnlockProfile,
)
from sitescope_fo.model.command.root import Command, ConfigCommand
from sitescope_fo.model.command.tree import (
    GroupAdd,
    GroupRemove,
    MonitorAdd,
    MonitorEdit,
    MonitorEnable,
    MonitorRemove,
    MonitorRun,
    ScheduleAdd,
    ScheduleEdit,
    ScheduleRemove,
    TreeCommand,
)
from sitescope_fo.model.command.trust import (
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
    TrustCommand,
    UserAdd,
    UserPasswd,
    UserRemove,
)
from sitescope_fo.model.command.words import ACK_LONGEST_S, DOWNTIME_LONGEST_S, Ack, DowntimeAdd, DowntimeEnd, Unack, WordsCommand
from sitescope_fo.model.errors import ErrorBody

__all__ = [
    "ACK_LONGEST_S",
    "DOWNTIME_LONGEST_S",
    "HOLD_DEFAULT_S",
    "HOLD_LONGEST_S",
    "Ack",
    "Activate",
    "AlertAdd",
    "AlertEdit",
    "AlertRemove",
    "AlertTest",
    "AnyCommand",
    "CertCreate",
    "CertFetch",
    "CertImport",
    "CertRemove",
    "Command",
    "CommandReply",
    "CommandRequest",
    "ConfigCommand",
    "ConfigSet",
    "DowntimeAdd",
    "DowntimeEnd",
    "GroupAdd",
    "GroupRemove",
    "HistoryVerify",
    "HoldProfile",
    "LwssoCheck",
    "LwssoSet",
    "MailSet",
    "MailTemplateSet",
    "MailTest",
    "Mirror",
    "MonitorAdd",
    "MonitorEdit",
    "MonitorEnable",
    "MonitorRemove",
    "MonitorRun",
    "PeerAccept",
    "PeerRemove",
    "ProfileAdd",
    "ProfileDefaults",
    "ProfileEdit",
    "ProfileRebind",
    "ProfileRemove",
    "ProfileTest",
    "ReleaseProfile",
    "Reload",
    "ScheduleAdd",
    "ScheduleEdit",
    "ScheduleRemove",
    "SecretRemove",
    "SecretSet",
    "Standby",
    "Switchover",
    "TokenAdd",
    "TokenRevoke",
    "Unack",
    "UnlockProfile",
    "UserAdd",
    "UserPasswd",
    "UserRemove",
]

AnyCommand = TreeCommand | AlertCommand | WordsCommand | ProfileCommand | RoleCommand | TrustCommand | NodeCommand


class CommandRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One command on its way. The same id again gives the same answer."""

    id: str
    body: AnyCommand
    wait_s: float = 30.0


class CommandReply(msgspec.Struct, frozen=True, kw_only=True):
    """How a command stands. `result` is what `--json` prints, `text` what people read.

    While it is running, `text` says what is being done and `result` what has come of it so far, such as the rows of a test.
    """

    id: str
    outcome: Literal["done", "refused", "failed", "running"]
    text: str = ""
    result: Any = None
    error: ErrorBody | None = None
    progress: float = 0.0
    revision: int = 0
