"""Settings of a node: config.toml and ha.config.toml at start, and what of them counts at once on a running node."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from sitescope_fo.model.config import HaConfig, NodeConfig
from sitescope_fo.model.errors import ConfigInvalid
from sitescope_fo.node.ha_commands import refuse_both_roles
from sitescope_fo.store.config_toml import FIELDS, load_ha_config, load_node_config
from sitescope_fo.store.home import Home

if TYPE_CHECKING:
    from sitescope_fo.node.core import Node


def load_settings(home: Home) -> tuple[NodeConfig, HaConfig]:
    """Both files of a home. Blocking. Raises ConfigInvalid, also for an unreadable file and for a node with both roles."""
    try:
        config, ha = load_node_config(home), load_ha_config(home)
    except OSError as error:
        raise ConfigInvalid(
            f"A settings file cannot be read: {error.strerror}",
            where=str(error.filename or home.root),
            hint="Restore it from a backup; a home without its id is another node to its peers",
            code="settings_unreadable",
        ) from error
    refuse_both_roles(config, ha)
    return config, ha


def take_over(node: Node, found: NodeConfig) -> tuple[str, ...]:
    """Puts the settings that may change at run time into force. Gives the names of the changed ones that need a restart."""
    before = node.world.config
    changed = [field for field in FIELDS if getattr(found, field.field) != getattr(before, field.field)]
    at_once = {field.field: getattr(found, field.field) for field in changed if not field.restart}
    if at_once:
        config = msgspec.structs.replace(before, **at_once)
        node.set_world(config=config)
        node.plan.limit(max_checks=config.max_checks, max_per_host=config.max_checks_per_host, ramp_per_s=config.ramp_per_s)
        names = ", ".join(field.name for field in changed if not field.restart)
        node.records.event("settings_changed", f"{names} of config.toml changed and in force")
    return tuple(field.name for field in changed if field.restart)
