"""Settings of config.toml on a running node: what counts at once, and what waits for a restart."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from sitescope_fo.model.config import NodeConfig
from sitescope_fo.store.config_toml import FIELDS

if TYPE_CHECKING:
    from sitescope_fo.node.core import Node


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
