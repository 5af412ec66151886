"""Commands that mirror, change who monitors, or keep it from changing."""

from __future__ import annotations

from typing import ClassVar

from sitescope_fo.model.command.root import Command
from sitescope_fo.model.service import Level

HOLD_DEFAULT_S = 4 * 3600.0
HOLD_LONGEST_S = 7 * 86400.0


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


RoleCommand = Mirror | Activate | Standby | Switchover | HoldProfile | ReleaseProfile | UnlockProfile
