"""Groups: the form of a new one, and what is said before a monitor or a group is removed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sitescope_fo.console.view.form import Field, Form
from sitescope_fo.console.view.monitor_form import Around, group_problem, one_of
from sitescope_fo.console.view.standing import Standing, force_field
from sitescope_fo.model.command import GroupAdd
from sitescope_fo.model.width import clean

MOST_NAMED = 5
"""Alerts that are named one by one."""


def group_form(around: Around, above: str) -> Form:
    """A new group; `above` is the one it probably belongs below."""
    forced = force_field(around.stands)
    return Form(
        title="New group",
        verb="Add",
        note=around.stands.note,
        fields=(
            *((forced,) if forced is not None else ()),
            Field(
                name="path",
                label="Group",
                value=f"{above}/" if above else "",
                needed=True,
                offers=around.groups,
                check=group_problem,
                help="Like Servers/Web; missing groups above it are made.",
                about=("duplicate_name", "bad_name"),
            ),
            Field(name="description", label="Description", help="What it is for."),
            Field(
                name="depends_on",
                label="Depends on",
                offers=around.monitors,
                check=one_of(around.monitors, "monitor"),
                help="Its monitors run only while this monitor is good.",
            ),
        ),
    )


def group_add(values: Mapping[str, str]) -> GroupAdd:
    """What the form asks for."""
    return GroupAdd(
        path=values["path"].strip().strip("/"),
        description=values["description"].strip(),
        depends_on=values["depends_on"].strip(),
        force=values.get("force") == "yes",
    )


def own_alerts(alerts: Iterable[Mapping[str, Any]], path: str, profile: str) -> list[Mapping[str, Any]]:
    """The alerts that stand at `path` or below it, so that they go with it."""
    return [
        alert
        for alert in alerts
        if alert["profile"] == profile and (alert["scope"] == path or alert["scope"].startswith(f"{path}/"))
    ]


def removal_text(path: str, alerts: Sequence[Mapping[str, Any]], stands: Standing) -> str:
    """What goes when a monitor is removed."""
    group, _, name = path.rpartition("/")
    return _joined(f"Monitor {clean(name)} of the group {clean(group)}.", _alerts(alerts), _KEPT, stands.note)


def group_removal_text(path: str, monitors: int, groups: int, alerts: Sequence[Mapping[str, Any]], stands: Standing) -> str:
    """What goes when a group is removed."""
    inside = f"Group {clean(path)} with {monitors} monitors and {groups} groups below it."
    return _joined(inside, _alerts(alerts), "Its files are moved to high_availability/backups/edited.", stands.note)


_KEPT = "Its recorded results stay."


def _alerts(alerts: Sequence[Mapping[str, Any]]) -> str:
    if not alerts:
        return ""
    names = ", ".join(clean(alert["name"]) for alert in alerts[:MOST_NAMED])
    more = f" and {len(alerts) - MOST_NAMED} more" if len(alerts) > MOST_NAMED else ""
    return f"Alerts that go with it: {names}{more}."


def _joined(*parts: str) -> str:
    return "\n".join(part for part in parts if part)
