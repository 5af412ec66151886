"""Who refers to a monitor: its own alerts by its name, monitors and groups that depend on it by its path or id."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from sitescope_fo.model.errors import Refused
from sitescope_fo.store.toml_lines import KeyPath
from sitescope_fo.store.toml_reader import fold
from sitescope_fo.store.tree import LoadedTree
from sitescope_fo.store.tree_names import Place

SHOWN = 5


class Reference(msgspec.Struct, frozen=True):
    """A key in a group file that names a monitor."""

    folder: str
    at: KeyPath
    key: str
    owner: str
    """Whose key it is, for people."""


def own_alerts(loaded: LoadedTree, place: Place) -> list[Reference]:
    """The alerts that are for this monitor only."""
    name = fold(place.path.rpartition("/")[2])
    return [
        Reference(place.folder, alert.at, "monitor", alert.name)
        for alert in loaded.drafts[place.folder].alerts
        if alert.monitor and fold(alert.monitor) == name
    ]


def dependents(loaded: LoadedTree, place: Place) -> Iterator[Reference]:
    """Monitors and groups that say to depend on it; not those that inherit it from their group."""

    def meant(text: str) -> bool:
        return text == place.id or fold(text) == fold(place.path)

    for folder, draft in loaded.drafts.items():
        if draft.depends_on and meant(draft.depends_on):
            yield Reference(folder, ("group",), "depends_on", loaded.names.places[folder, ("group",)].path)
        for monitor in draft.monitors:
            if monitor.depends_on and meant(monitor.depends_on):
                yield Reference(folder, monitor.at, "depends_on", loaded.names.places[folder, monitor.at].path)


def renamed(loaded: LoadedTree, place: Place, name: str) -> list[tuple[Reference, str]]:
    """(key, its new value) of all that names the monitor, when it is called `name` from now on. Ids stay what they are."""
    path = f"{place.path.rpartition('/')[0]}/{name}"
    follow = [(one, path) for one in dependents(loaded, place) if not _by_id(loaded, one, place)]
    return [*((one, name) for one in own_alerts(loaded, place)), *follow]


def _by_id(loaded: LoadedTree, one: Reference, place: Place) -> bool:
    draft = loaded.drafts[one.folder]
    if one.at == ("group",):
        return draft.depends_on == place.id
    return any(monitor.at == one.at and monitor.depends_on == place.id for monitor in draft.monitors)


def refuse_needed(loaded: LoadedTree, place: Place) -> None:
    """Raises Refused (`in_use`) while something else depends on the monitor."""
    users = sorted(one.owner for one in dependents(loaded, place) if (one.folder, one.at) != (place.folder, place.at))
    if users:
        more = f" and {len(users) - SHOWN} more" if len(users) > SHOWN else ""
        what = f"'{place.path}' is what others depend on: {', '.join(users[:SHOWN])}{more}"
        raise Refused(what, where=place.path, hint="Change what they depend on first", code="in_use")
