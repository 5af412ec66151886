"""What decisions may read that is not state: who this node is, what it runs, whom it tells."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from sitescope_fo.engine.catalogue import Catalogue
from sitescope_fo.model.config import HaConfig, NodeConfig
from sitescope_fo.model.monitor_type import TypeSpec
from sitescope_fo.model.status import Role
from sitescope_fo.notify.alert_mail import Letterhead


class World(msgspec.Struct, frozen=True, kw_only=True):
    """Replaced as a whole when configuration changes."""

    config: NodeConfig
    ha: HaConfig
    host: str
    specs: Mapping[str, TypeSpec]
    catalogue: Catalogue
    letterhead: Letterhead

    @property
    def role(self) -> Role:
        """This node's role."""
        return self.config.role

    def recipients(self, profile: str) -> tuple[str, ...]:
        """Who gets role mails: the profile's own list, else the node's default, else the mail settings' one."""
        for candidate in self.ha.profiles:
            if candidate.name == profile and candidate.notify:
                return candidate.notify
        return self.ha.notify or self.catalogue.mail("").to
