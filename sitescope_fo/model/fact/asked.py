"""What operators asked for, after validation."""

from __future__ import annotations

from sitescope_fo.model.fact.root import ProfileFact


class ActivateAsked(ProfileFact, frozen=True, kw_only=True):
    """Activate now, skipping gate and grace."""

    by: str


class StandbyAsked(ProfileFact, frozen=True, kw_only=True):
    """Step back now."""

    by: str
    force: bool = False


class SwitchoverAsked(ProfileFact, frozen=True, kw_only=True):
    """Take over from a running primary, planned."""

    by: str
    for_s: float


class HoldSet(ProfileFact, frozen=True, kw_only=True):
    """No automatic role change until the hold ends."""

    by: str
    reason: str
    for_s: float


class HoldReleased(ProfileFact, frozen=True, kw_only=True):
    """The hold is lifted."""

    by: str


class FlapUnlocked(ProfileFact, frozen=True, kw_only=True):
    """The flap lock is lifted."""

    by: str
