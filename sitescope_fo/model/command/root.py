"""The two roots of everything an operator can ask for."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from sitescope_fo.model.service import Level


class Command(msgspec.Struct, frozen=True, kw_only=True, tag_field="command", tag=str.lower):
    """The root."""

    level: ClassVar[Level] = Level.operator
    offline: ClassVar[bool] = False


class ConfigCommand(Command, frozen=True, kw_only=True):
    """The root of those that edit configuration files."""

    level: ClassVar[Level] = Level.administrator
    offline: ClassVar[bool] = True
