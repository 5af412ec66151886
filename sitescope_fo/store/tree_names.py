"""Names and ids of a whole tree: paths from group names, duplicates refused, an id for everything."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from sitescope_fo.model.errors import Problem
from sitescope_fo.store.toml_lines import KeyPath
from sitescope_fo.store.toml_reader import fold, name_problem, nearest
from sitescope_fo.store.tree_drafts import AlertDraft, GroupDraft, MonitorDraft

GivenIds = dict[tuple[str, str, str], str]
"""(folder, kind, folded name) -> the id that something without one was given."""


class Place(msgspec.Struct, frozen=True):
    """Where something stands: its folder and its key path in that group file."""

    folder: str
    at: KeyPath
    path: str
    """Its path as people write it."""
    id: str
    has_id: bool
    """Whether the file holds the id."""


class Names(msgspec.Struct, kw_only=True):
    """Every named thing of a tree by folded path (`fold`)."""

    paths: dict[str, str] = msgspec.field(default_factory=dict)
    """Folder -> path of its group ("" for the top)."""
    groups: dict[str, Place] = msgspec.field(default_factory=dict)
    monitors: dict[str, Place] = msgspec.field(default_factory=dict)
    alerts: dict[tuple[str, str], Place] = msgspec.field(default_factory=dict)
    """(folded scope, folded name)"""
    ids: dict[str, Place] = msgspec.field(default_factory=dict)
    places: dict[tuple[str, KeyPath], Place] = msgspec.field(default_factory=dict)
    """(folder, key path) -> the same places."""


def name_all(
    drafts: dict[str, GroupDraft], given: GivenIds, new_id: Callable[[], str], breathe: Callable[[], None] = lambda: None
) -> tuple[Names, list[Problem]]:
    """The names of all drafts (parents first) and what clashes. Ids given are remembered in `given`.

    `breathe` is called after each group.
    """
    naming = _Naming(drafts, given, new_id)
    for folder, draft in drafts.items():
        breathe()
        if folder:
            naming.group(folder, draft)
        for monitor in draft.monitors:
            naming.monitor(folder, monitor)
    for folder, draft in drafts.items():
        for alert in draft.alerts:
            naming.alert(folder, alert)
    return naming.names, naming.problems


class _Naming:
    def __init__(self, drafts: dict[str, GroupDraft], given: GivenIds, new_id: Callable[[], str]) -> None:
        self.names = Names(paths={"": ""})
        self.problems: list[Problem] = []
        self._drafts = drafts
        self._given = given
        self._new_id = new_id

    def group(self, folder: str, draft: GroupDraft) -> None:
        parent = self.names.paths.get(folder.rpartition("/")[0], "")
        name = draft.name or folder.rpartition("/")[2]
        path = f"{parent}/{name}" if parent else name
        self.names.paths[folder] = path
        at: KeyPath = ("group",)
        why = name_problem(name)
        if why and draft.name:
            self._problem(folder, at, f"The folder name {name!r} {why}", 'Give the group a name = "…"')
        place = self._place(folder, at, path, draft.id, "group")
        self._claim(folder, (*at, "name"), path, place, self.names.groups)

    def monitor(self, folder: str, draft: MonitorDraft) -> None:
        group = self.names.paths[folder]
        if not draft.name or not folder:
            return
        path = f"{group}/{draft.name}"
        place = self._place(folder, draft.at, path, draft.id, "monitor")
        self._claim(folder, (*draft.at, "name"), path, place, self.names.monitors)

    def alert(self, folder: str, draft: AlertDraft) -> None:
        if not draft.name:
            return
        scope = self.names.paths[folder]
        if draft.monitor:
            scope = f"{scope}/{draft.monitor}" if folder else draft.monitor
            if fold(scope) not in self.names.monitors:
                near = nearest(draft.monitor, [monitor.name for monitor in self._drafts[folder].monitors])
                self._problem(folder, (*draft.at, "monitor"), f"There is no monitor '{draft.monitor}' in this group", near)
        key = (fold(scope), fold(draft.name))
        if key in self.names.alerts:
            self._duplicate(folder, (*draft.at, "name"), f"There is another alert '{draft.name}' here", self.names.alerts[key])
            return
        self.names.alerts[key] = self._place(folder, draft.at, f"{scope}/{draft.name}", draft.id, "alert")

    def _claim(self, folder: str, at: KeyPath, path: str, place: Place, table: dict[str, Place]) -> None:
        key = fold(path)
        other = self.names.groups.get(key) or self.names.monitors.get(key)
        if other is not None:
            kind = "group" if key in self.names.groups else "monitor"
            self._duplicate(folder, at, f"There is another {kind} '{other.path}'", other)
            return
        table[key] = place

    def _place(self, folder: str, at: KeyPath, path: str, written: str, kind: str) -> Place:
        name = fold(path.rpartition("/")[2]) if kind != "alert" else fold(path)
        identity = written or self._given.get((folder, kind, name), "")
        if not identity:
            identity = self._given[folder, kind, name] = self._new_id()
        place = Place(folder, at, path, identity, bool(written))
        other = self.names.ids.get(identity)
        if other is not None and written:
            hint = "Delete the id line of the copy; a new one is written"
            self._duplicate(folder, (*at, "id"), f"The id '{identity}' is taken by '{other.path}'", other, hint)
        else:
            self.names.ids[identity] = place
        self.names.places[folder, at] = place
        return place

    def _duplicate(self, folder: str, at: KeyPath, what: str, other: Place, hint: str = "") -> None:
        seen = self._drafts[other.folder].document.at(other.at, "").where
        self._problem(folder, at, what, f"{hint or 'Names are unique without regard to case'}; the other stands in {seen}")

    def _problem(self, folder: str, at: KeyPath, what: str, hint: str = "") -> None:
        self.problems.append(self._drafts[folder].document.at(at, what, hint))
