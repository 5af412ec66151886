"""`timeline`: the changes of role of a profile, or of a primary's own side, as people read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sitescope_fo.failover.timeline import STEPS_KEPT, steps_of
from sitescope_fo.model.errors import Usage
from sitescope_fo.model.record import SeenEvidence, TimelineStep
from sitescope_fo.model.status import Role
from sitescope_fo.node.ha_commands import find_profile
from sitescope_fo.node.monitor_rows import stamp

if TYPE_CHECKING:
    from sitescope_fo.node.core import Node

LIMIT = 50


def steps(node: Node, name: str, limit: int) -> list[TimelineStep]:
    """The last `limit` steps, newest last. On a primary they are its own, under whatever name a failover lists it.

    Raises Usage: `missing_parameter` on a failover without a name, `not_found`.
    """
    profile = ""
    if node.role is Role.failover:
        if not name:
            names = ", ".join(profile.name for profile in node.world.ha.profiles) or "there is none yet"
            raise Usage("'name' is missing", where="name", hint=f"Say which profile: {names}", code="missing_parameter")
        profile = find_profile(node.world.ha, name).name
    elif name and name not in {peer.listed_as for peer in node.world.ha.peers}:
        raise Usage(
            f"No failover lists this primary as '{name}'",
            where=name,
            hint="Leave the name out: this node has one timeline",
            code="not_found",
        )
    kept = steps_of(node.writer.table, profile)[-min(limit, STEPS_KEPT) :] if limit else []
    return [
        TimelineStep(
            at=stamp(one.wall),
            source=one.source,
            to=one.to,
            why=one.why,
            term=one.term,
            evidence=tuple(SeenEvidence(at=stamp(seen.wall), kind=seen.kind.value, what=seen.what) for seen in one.evidence),
        )
        for one in kept
    ]
