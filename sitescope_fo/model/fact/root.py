"""The roots of everything that happens."""

from __future__ import annotations

import msgspec


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """The root."""


class ProfileFact(Fact, frozen=True, kw_only=True):
    """Something about one profile."""

    profile: str
