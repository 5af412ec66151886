"""What a failover sees of a primary: answers, silence, its own network."""

from __future__ import annotations

from typing import Literal

from sitescope_fo.model.config import Profile
from sitescope_fo.model.fact.root import ProfileFact
from sitescope_fo.model.status import PrimaryState


class ProfileSet(ProfileFact, frozen=True, kw_only=True):
    """A profile was added or edited."""

    config: Profile
    edited: bool = True
    """False for the first time in a life."""


class ProfileRemoved(ProfileFact, frozen=True, kw_only=True):
    """A profile is gone."""


class ProbeAnswered(ProfileFact, frozen=True, kw_only=True):
    """A verified health reply of the node this profile is bound to. Whether it is a proof of life is for the machine to say."""

    sent_mono: float
    round_trip_s: float
    node_id: str
    boot_id: str
    state: PrimaryState
    term: int
    scheduler_age_s: float
    late: bool = False
    """It came after the soft time-out."""
    stalled: str = ""
    """Which stalled work the reply admits (`scheduler 34s behind`, `outbox stuck`, `disk full`), "" when none."""
    version: str = ""
    skew_s: float = 0.0
    same_check_passes_here: bool = True
    """Whether this node passes the check that the degraded primary fails."""


class ProbeMissed(ProfileFact, frozen=True, kw_only=True):
    """No answer of ours within the soft time-out, or none at all."""

    sent_mono: float
    kind: Literal["timeout", "refused", "unresolved", "reset", "unreachable", "foreign"]
    detail: str = ""


class ProbeUnverifiable(ProfileFact, frozen=True, kw_only=True):
    """It is our node and alive, and cannot be trusted: token, TLS, clock skew, wire version."""

    sent_mono: float
    code: str
    detail: str = ""
    skew_s: float | None = None
    """The peer's clock minus mine, when that is the reason."""


class GoodbyeHeard(ProfileFact, frozen=True, kw_only=True):
    """The primary said that it stops and is back in `eta_s`."""

    boot_id: str
    eta_s: float
    why: str = ""


class BootCheckHeard(ProfileFact, frozen=True, kw_only=True):
    """The primary, just started or awake again, asked whether we act."""

    boot_id: str
    term: int


class GateSampled(ProfileFact, frozen=True, kw_only=True):
    """How many of this node's reference points answered."""

    asked: int
    answered: int
    own_address: bool = False
    """The primary's address is this host: the network says nothing about it."""


class WatchWindow(ProfileFact, frozen=True, kw_only=True):
    """The profile's check schedule opened or closed."""

    open: bool
    until_wall: float = 0.0
