"""Configuration values: the node's own (config.toml, ha.config.toml) and the mirrored tree (groups/, persistence/)."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

import msgspec

from sitescope_fo.model.duration import format_duration
from sitescope_fo.model.errors import Problem
from sitescope_fo.model.monitor import Action, Alert, Group, Monitor
from sitescope_fo.model.schedule import Schedule
from sitescope_fo.model.status import Role

DEFAULT_PORT = 8080
DEFAULT_TLS_PORT = 8443


class OnHangup(StrEnum):
    """What becomes of an engine in the console's process when its terminal goes away."""

    detach = "detach"
    stop = "stop"


class NodeConfig(msgspec.Struct, frozen=True, kw_only=True):
    """config.toml of one home, checked and in base units. Field by field the same as the top-level `config.toml`."""

    role: Role = Role.primary
    host: str = ""
    """Name this node gives its peers as its own address; "" = the system's host name."""
    bind: tuple[str, ...] = ("0.0.0.0", "::")
    port: int = DEFAULT_PORT
    tls: bool = False
    allow_plain: bool = False
    logs_keep_s: float = 40 * 86400.0
    logs_max_bytes: int = 2 * 1024**3
    max_checks: int = 100
    """Checks in flight on the whole node."""
    max_checks_per_host: int = 10
    ramp_per_s: float = 500.0
    """Most first checks a second after an activation, node-wide."""
    boot_check_s: float = 10.0
    """How long a starting primary asks its failovers before it monitors; 0 = off."""
    goodbye_s: float = 30.0
    """How long a plain stop asks its failovers to wait before they take over."""
    clock_skew_s: float = 30.0
    """Clock difference to a peer that LW-SSO tolerates, at most 900 s."""
    watch_files_s: float = 1.0
    """How often configuration files are looked at for changes."""
    on_hangup: OnHangup = OnHangup.detach
    """What a console with the engine in its process does when its terminal goes away."""


class Timing(msgspec.Struct, frozen=True, kw_only=True):
    """The clockwork of a profile, all in seconds."""

    check_every_s: float
    soft_timeout_s: float
    hard_timeout_s: float
    misses: int
    activate_after_s: float
    stable_for_s: float
    mirror_every_s: float


PRESETS: dict[str, Timing] = {
    "classic": Timing(
        check_every_s=15.0,
        soft_timeout_s=5.0,
        hard_timeout_s=15.0,
        misses=3,
        activate_after_s=180.0,
        stable_for_s=60.0,
        mirror_every_s=14400.0,
    ),
    "lan": Timing(
        check_every_s=2.0,
        soft_timeout_s=1.5,
        hard_timeout_s=10.0,
        misses=3,
        activate_after_s=15.0,
        stable_for_s=30.0,
        mirror_every_s=14400.0,
    ),
    "fast": Timing(
        check_every_s=0.5,
        soft_timeout_s=0.4,
        hard_timeout_s=3.0,
        misses=3,
        activate_after_s=5.0,
        stable_for_s=10.0,
        mirror_every_s=14400.0,
    ),
}


class SelfTargets(StrEnum):
    """What happens on the failover to monitors that watch the primary's own host."""

    retarget = "retarget"
    keep = "keep"
    skip = "skip"


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """One protected primary, as set up on the failover (ha.config.toml)."""

    id: str
    name: str
    primary_host: str
    primary_port: int = DEFAULT_PORT
    tls: bool = False
    folder: str = ""
    """Its mirror folder below high_availability/failover/; it stays when the address changes."""
    node_id: str = ""
    """The primary's node id, bound at the first authenticated contact; "" = not bound yet."""
    preset: str = "classic"
    timing: Timing = PRESETS["classic"]
    merge_back: bool = False
    backups: int = 2
    disable_apm: bool = False
    self_targets: SelfTargets = SelfTargets.retarget
    check_schedule: str = ""
    mirror_schedule: str = ""
    notify: tuple[str, ...] = ()
    takeover_when_unverifiable_s: float = 0.0
    """0 = never (the default): an unverifiable primary is an alarm, not a takeover."""


def timing_problems(timing: Timing) -> tuple[str, ...]:
    """The rules a mix of timings breaks, each as a sentence with the figures; () when it is sound."""
    t, say = timing, format_duration
    problems = []
    least = t.misses * t.check_every_s + t.soft_timeout_s
    if t.activate_after_s < least:
        problems.append(
            f"activate_after ({say(t.activate_after_s)}) must be at least misses x check_every + soft time-out ({say(least)})"
        )
    if t.hard_timeout_s > t.activate_after_s - t.check_every_s:
        problems.append(
            f"hard time-out ({say(t.hard_timeout_s)}) must be at most activate_after - check_every"
            f" ({say(max(0.0, t.activate_after_s - t.check_every_s))})"
        )
    if t.soft_timeout_s > t.hard_timeout_s:
        problems.append(f"soft time-out ({say(t.soft_timeout_s)}) must be at most the hard one ({say(t.hard_timeout_s)})")
    if t.misses < 1:
        problems.append("misses must be at least 1")
    if t.check_every_s < 0.1:
        problems.append("check_every must be at least 100ms")
    return tuple(problems)


class Peer(msgspec.Struct, frozen=True, kw_only=True):
    """A failover that a primary knows (ha.config.toml of the primary)."""

    node_id: str
    host: str
    port: int
    tls: bool = False
    listed_as: str = ""
    """The profile name under which it protects this node."""
    accepted: bool = True
    activate_after_s: float = 180.0
    merge_back: bool = False


class HaConfig(msgspec.Struct, frozen=True, kw_only=True):
    """high_availability/ha.config.toml: this node's identity and its pairs. Never mirrored."""

    node_id: str
    failover_host: str = ""
    """The host name peers reach this node by when it differs from config.toml; the guide's hand-correctable name."""
    profiles: tuple[Profile, ...] = ()
    peers: tuple[Peer, ...] = ()
    notify: tuple[str, ...] = ()
    """Default recipients of role mails (the guide's Default Settings)."""


class MailServer(msgspec.Struct, frozen=True, kw_only=True):
    """One SMTP server."""

    host: str
    port: int = 25
    security: Literal["none", "starttls", "tls"] = "none"
    user: str = ""
    password: str = ""
    """Opened value; on disk it is a reference to a sealed secret."""


class MailSettings(msgspec.Struct, frozen=True, kw_only=True):
    """persistence/preferences.toml [mail]."""

    servers: tuple[MailServer, ...] = ()
    """The server and, when set, its backup, in the order they are tried."""
    sender: str = ""
    to: tuple[str, ...] = ()
    """Default recipients of node mails."""
    timeout_s: float = 20.0


class Tree(msgspec.Struct, frozen=True, kw_only=True):
    """A whole loaded configuration tree, of the node itself or of one mirrored primary."""

    revision: str = ""
    groups: tuple[Group, ...] = ()
    monitors: tuple[Monitor, ...] = ()
    alerts: tuple[Alert, ...] = ()
    actions: tuple[Action, ...] = ()
    schedules: tuple[Schedule, ...] = ()
    mail: MailSettings = MailSettings()
    warnings: tuple[Problem, ...] = ()
    """Things that are odd and do not stop the load, such as a secret that cannot be opened."""
