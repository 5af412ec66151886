"""Commands about profiles of a failover, and the failovers of a primary."""

from __future__ import annotations

from typing import Any

from sitescope_fo.model.command.root import Command, ConfigCommand


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


ProfileCommand = (
    ProfileAdd | ProfileEdit | ProfileRemove | ProfileRebind | ProfileDefaults | ProfileTest | PeerAccept | PeerRemove
)
