"""Commands about the node itself and what it keeps."""

from __future__ import annotations

from sitescope_fo.model.command.root import Command, ConfigCommand


class ConfigSet(ConfigCommand, frozen=True, kw_only=True):
    """Sets a key of config.toml, as text."""

    key: str
    value: str


class Reload(Command, frozen=True, kw_only=True):
    """Reads the configuration files again now."""


class HistoryVerify(Command, frozen=True, kw_only=True):
    """Verifies one history zip, or all of a profile. The result are its rows; while it runs, those proven so far."""

    name: str
    snapshot: str = ""


NodeCommand = ConfigSet | Reload | HistoryVerify
