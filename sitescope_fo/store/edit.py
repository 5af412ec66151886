"""Edits of a configuration tree by program: what a command asks for, with everything else in the files left as it was.

Each edit loads the tree, builds the new content, loads the whole tree again with it, and only then writes; a refused edit
touches nothing. Names that do not exist are Usage (`not_found`), duplicates Conflict (`duplicate_name`), bad values
ConfigInvalid with all problems, a file that somebody else changed in between Conflict (`changed_meanwhile`); OSError when a
write fails.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path

from sitescope_fo.model.errors import Conflict, Refused, Usage
from sitescope_fo.store.edit_apply import EditContext, EditResult, apply_edit, edited_text, move_away
from sitescope_fo.store.edit_elements import Change, edit_elements, remove_elements
from sitescope_fo.store.edit_references import own_alerts, refuse_needed, renamed
from sitescope_fo.store.edit_text import append_block, merged, set_key, unset_key
from sitescope_fo.store.toml_reader import fold, name_problem, nearest
from sitescope_fo.store.toml_text import toml_block
from sitescope_fo.store.tree import LoadedTree, load_whole
from sitescope_fo.store.tree_files import GROUP_FILE, group_file
from sitescope_fo.store.tree_names import Place

__all__ = [
    "EditContext",
    "EditResult",
    "add_alert",
    "add_group",
    "add_monitor",
    "edit_alert",
    "edit_monitor",
    "remove_alert",
    "remove_group",
    "remove_monitor",
    "set_enabled",
    "set_preferences",
]

Table = dict[str, object]


def add_group(root: Path, path: str, *, using: EditContext, description: str = "", depends_on: str = "") -> EditResult:
    """Adds a group, and its parents where they are missing. The folder is named like the group when that is a sane file name."""
    loaded = _load(root, using)
    parts = _clean(path).split("/")
    for name in parts:
        why = name_problem(name)
        if why:
            raise Usage(f"The group name {name!r} {why}", where=path, code="bad_name")
    if fold(_clean(path)) in loaded.names.groups:
        raise Conflict(f"There is a group '{_clean(path)}' already", where=path, code="duplicate_name")
    contents: dict[str, bytes | None] = {}
    folder, here = "", ""
    for depth, name in enumerate(parts):
        here = f"{here}/{name}".lstrip("/")
        known = loaded.names.groups.get(fold(here))
        if known is not None:
            folder = known.folder
            continue
        if fold(here) in loaded.names.monitors:
            raise Conflict(f"'{here}' is a monitor", where=path, hint="Choose another name", code="duplicate_name")
        identity = using.new_id()
        folder = _new_folder(root, folder, name, identity)
        table: Table = {"id": identity, "name": name}
        if depth == len(parts) - 1:
            table |= {k: v for k, v in (("description", description), ("depends_on", depends_on)) if v}
        contents[group_file(folder)] = toml_block("[group]", table).encode()
    return apply_edit(root, loaded, contents, using)


def _new_folder(root: Path, parent: str, name: str, identity: str) -> str:
    """A free folder for a new group: its name, or a slug and part of its id when the name makes no sane or free file name."""
    sane = not name.startswith(".") and name != GROUP_FILE and name.isprintable()
    if not sane or (root / "groups" / parent / name / GROUP_FILE).exists() or (root / "groups" / parent / name).is_file():
        slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40] or "group"
        name = f"{slug}-{re.sub(r'[^A-Za-z0-9]', '', identity)[-8:]}"
    return f"{parent}/{name}".lstrip("/")


def remove_group(root: Path, path: str, *, recursive: bool = False, using: EditContext) -> EditResult:
    """Removes a group with all in it; its folder moves to backups/edited/.

    Raises Refused (`group_not_empty`) when it has monitors or sub-groups and `recursive` is off.
    """
    loaded = _load(root, using)
    place = _group(loaded, path)
    inside = [folder for folder in loaded.drafts if folder == place.folder or folder.startswith(place.folder + "/")]
    monitors = sum(len(loaded.drafts[folder].monitors) for folder in inside)
    if not recursive and (monitors or len(inside) > 1):
        raise Refused(
            f"The group '{place.path}' has {monitors} monitors and {len(inside) - 1} sub-groups",
            where=path,
            hint="Use --recursive to remove them too",
            code="group_not_empty",
        )
    load_whole(
        root, using.book, None, new_id=using.new_id, cache=using.cache, overlay={group_file(folder): None for folder in inside}
    )
    return move_away(root, place.folder, using)


def add_monitor(root: Path, group: str, table: Mapping[str, object], *, using: EditContext) -> EditResult:
    """Adds a monitor to a group; `table` is its table as in a group file. An id is given when it has none."""
    loaded = _load(root, using)
    place = _group(loaded, group)
    name = str(table.get("name", ""))
    _refuse_taken(loaded, f"{place.path}/{name}")
    return _append(root, loaded, place, "monitor", table, using)


def _refuse_taken(loaded: LoadedTree, path: str) -> None:
    other = loaded.names.monitors.get(fold(path)) or loaded.names.groups.get(fold(path))
    if other is not None:
        raise Conflict(f"There is '{other.path}' already", where=path, hint="Choose another name", code="duplicate_name")


def _append(
    root: Path, loaded: LoadedTree, place: Place, kind: str, table: Mapping[str, object], using: EditContext
) -> EditResult:
    """Adds a [[monitor]] or [[alert]] at the end of a group's file."""
    whole: Table = {"id": table.get("id") or using.new_id(), **{k: v for k, v in table.items() if k != "id"}}
    text = _text(loaded, place)

    def in_table(top: Table) -> None:
        items = top.setdefault(kind, [])
        if isinstance(items, list):
            items.append(whole)

    new = edited_text(text, lambda t: append_block(t, toml_block(f"[[{kind}]]", whole)), in_table)
    return apply_edit(root, loaded, {group_file(place.folder): new}, using)


def _text(loaded: LoadedTree, place: Place) -> str:
    """A group's file; a folder that has none starts one with the id it goes by."""
    document = loaded.drafts[place.folder].document
    if place.folder and not document.text:
        return toml_block("[group]", {"id": loaded.names.places[place.folder, ("group",)].id})
    return document.text


def edit_monitor(
    root: Path,
    path: str,
    changes: Mapping[str, object],
    unset: Collection[str] = (),
    *,
    settings: Mapping[str, object] | None = None,
    using: EditContext,
) -> EditResult:
    """Changes keys of a monitor; `settings` are merged into its settings; `unset` names keys or `settings.KEY` to drop.

    A new name goes to its alerts and to all that depends on it, too.
    """
    loaded = _load(root, using)
    place = _monitor(loaded, path)
    edits = [(place, Change(changes, settings or {}, unset))]
    name = str(changes.get("name", ""))
    if name and fold(name) != fold(place.path.rpartition("/")[2]):
        _refuse_taken(loaded, f"{place.path.rpartition('/')[0]}/{name}")
        edits += [
            (loaded.names.places[one.folder, one.at], Change({one.key: value}, {}, ()))
            for one, value in renamed(loaded, place, name)
        ]
    return edit_elements(root, loaded, edits, using)


def set_enabled(root: Path, path: str, *, enabled: bool, using: EditContext) -> EditResult:
    """Switches a monitor on or off."""
    return edit_monitor(root, path, {"enabled": enabled}, using=using)


def remove_monitor(root: Path, path: str, *, using: EditContext) -> EditResult:
    """Removes a monitor with its own alerts. Raises Refused (`in_use`) while others depend on it."""
    loaded = _load(root, using)
    place = _monitor(loaded, path)
    refuse_needed(loaded, place)
    return remove_elements(root, loaded, place.folder, [place.at, *(one.at for one in own_alerts(loaded, place))], using)


def add_alert(root: Path, scope: str, table: Mapping[str, object], *, using: EditContext) -> EditResult:
    """Adds an alert to `scope`: a group, a monitor path, or `/` for the whole node."""
    loaded = _load(root, using)
    place, whole = _scope(loaded, scope, table)
    key = (fold(_clean(scope)), fold(str(table.get("name", ""))))
    if key in loaded.names.alerts:
        raise Conflict(
            f"There is an alert '{table.get('name')}' already", where=scope, hint="Choose another name", code="duplicate_name"
        )
    return _append(root, loaded, place, "alert", whole, using)


def _scope(loaded: LoadedTree, scope: str, table: Mapping[str, object]) -> tuple[Place, Mapping[str, object]]:
    """Where an alert for `scope` is written, and its table there: one for a monitor stands with its group."""
    path = _clean(scope)
    if not path:
        return Place("", (), "", "", has_id=True), table
    group = loaded.names.groups.get(fold(path))
    if group is not None:
        return group, table
    monitor = _monitor(loaded, path)
    return monitor, {**table, "monitor": monitor.path.rpartition("/")[2]}


def edit_alert(
    root: Path,
    scope: str,
    name: str,
    changes: Mapping[str, object],
    unset: Collection[str] = (),
    *,
    using: EditContext,
) -> EditResult:
    """Changes keys of an alert; a new name is the key `name`."""
    loaded = _load(root, using)
    place = _alert(loaded, scope, name)
    renamed = (fold(_clean(scope)), fold(str(changes.get("name", name))))
    if loaded.names.alerts.get(renamed, place) is not place:
        raise Conflict(f"There is an alert '{changes.get('name')}' already", where=scope, code="duplicate_name")
    return edit_elements(root, loaded, [(place, Change(changes, {}, unset))], using)


def remove_alert(root: Path, scope: str, name: str, *, using: EditContext) -> EditResult:
    """Removes an alert."""
    loaded = _load(root, using)
    place = _alert(loaded, scope, name)
    return remove_elements(root, loaded, place.folder, [place.at], using)


def set_preferences(root: Path, section: str, values: Mapping[str, object], *, using: EditContext) -> EditResult:
    """Sets keys of one section of persistence/preferences.toml (`mail`); None drops a key."""
    loaded = _load(root, using)
    document = loaded.documents.get("preferences.toml")
    text = document.text if document else ""

    def in_text(text: str) -> str:
        for key, value in values.items():
            if value is not None:
                text = set_key(text, (section,), (key,), value)
            elif _has_key(document.table if document else {}, section, key):
                text = unset_key(text, (section,), (key,))
        return text

    def in_table(table: Table) -> None:
        table[section] = merged(table.get(section), values)

    return apply_edit(root, loaded, {"persistence/preferences.toml": edited_text(text, in_text, in_table)}, using)


def _has_key(table: Mapping[str, object], section: str, key: str) -> bool:
    inside = table.get(section)
    return isinstance(inside, dict) and key in inside


def _load(root: Path, using: EditContext) -> LoadedTree:
    """The tree as it is. Raises ConfigInvalid: an invalid tree is repaired by hand before a program edits it."""
    return load_whole(root, using.book, None, new_id=using.new_id, cache=using.cache)


def _clean(path: str) -> str:
    return path.strip().strip("/")


def _group(loaded: LoadedTree, path: str) -> Place:
    place = loaded.names.groups.get(fold(_clean(path)))
    if place is None:
        raise _not_found("group", path, [p.path for p in loaded.names.groups.values()], "Add it with: sitescope-fo group add")
    return place


def _monitor(loaded: LoadedTree, path: str) -> Place:
    place = loaded.names.monitors.get(fold(_clean(path)))
    if place is None:
        raise _not_found("monitor", path, [p.path for p in loaded.names.monitors.values()], "See: sitescope-fo monitor list")
    return place


def _alert(loaded: LoadedTree, scope: str, name: str) -> Place:
    place = loaded.names.alerts.get((fold(_clean(scope)), fold(name)))
    if place is None:
        here = [p.path.rpartition("/")[2] for (where, _), p in loaded.names.alerts.items() if where == fold(_clean(scope))]
        raise _not_found("alert", name, here, f"List them: sitescope-fo alert list (looked at {scope or '/'})")
    return place


def _not_found(kind: str, word: str, known: list[str], hint: str) -> Usage:
    return Usage(f"There is no {kind} '{word}'", hint=nearest(word, known) or hint, code="not_found")
