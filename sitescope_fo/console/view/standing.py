"""Whose configuration an edit touches on a failover, said before somebody types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from sitescope_fo.console.view.form import Field
from sitescope_fo.model.errors import Usage


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of an edit."""

    note: str = ""
    passive: bool = False
    """The node refuses the edit unless it is forced."""


OWN = Standing()


def standing(profile: Mapping[str, Any]) -> Standing:
    """Of the tree of a profile; `profile` is the answer of that query."""
    name, host = profile["name"], profile["primary_host"]
    status = profile.get("status") or {}
    merge_back = bool(profile.get("merge_back"))
    if status.get("position") in {"activating", "active", "recovering"}:
        if merge_back:
            return Standing(note=f"This node acts for {name}. Merge back is on: the edit is kept for {host} at the hand-back.")
        return Standing(
            note=f"This node acts for {name}. Merge back is off: at the hand-back the edit is only archived, and mirroring"
            f" overwrites it."
        )
    home = " Merge back is on, but is for edits made while this node acts." if merge_back else ""
    return Standing(
        note=f"{name} is in standby here and the configuration is that of {host}: the next mirror overwrites an edit.{home}"
        f" Better edit on {host}; it is mirrored within seconds.",
        passive=True,
    )


def force_field(stands: Standing) -> Field | None:
    """What has to be switched on before an edit in standby; None when the node asks for nothing."""
    if not stands.passive:
        return None
    return Field(
        name="force",
        label="Edit all the same",
        kind="bool",
        value="no",
        check=_switched_on,
        help="Space switches it on: the edit holds here until the next mirror overwrites it.",
        about=("passive_edit",),
    )


def _switched_on(value: str) -> None:
    if value != "yes":
        raise Usage("The next mirror overwrites this edit", hint="Switch on 'Edit all the same', or edit on the primary")
