"""Changes of role between two looks at a node: the only news that comes uncalled."""

from __future__ import annotations

import msgspec

from sitescope_fo.model.snapshot import StatusReport
from sitescope_fo.model.width import clean


class RoleChange(msgspec.Struct, frozen=True):
    """What a toast says."""

    title: str
    text: str
    calm: bool
    """Standby, or a primary that runs."""


_CALM = frozenset({"standby", "running"})


def role_changes(before: StatusReport | None, after: StatusReport) -> tuple[RoleChange, ...]:
    """Each profile, and on a primary the node itself, whose state is another one; nothing on the first look."""
    if before is None or before.node.id != after.node.id:
        return ()
    found = []
    if before.node.state != after.node.state:
        found.append(_change(after.node.host, before.node.state, after.node.state, after.node.why))
    known = {profile.name: profile.state for profile in before.profiles}
    for profile in after.profiles:
        was = known.get(profile.name, profile.state)
        if was != profile.state:
            last = profile.last_transition or {}
            found.append(_change(profile.name, was, profile.state, str(last.get("why", ""))))
    return tuple(found)


def _change(name: str, was: str, now: str, why: str) -> RoleChange:
    return RoleChange(clean(f"{name}: {was or 'starting'} -> {now}".replace("_", " ")), clean(why), now in _CALM)
