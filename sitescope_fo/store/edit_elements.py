"""Changing and removing elements of group files: monitors and alerts, in the text and in the table alike."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from sitescope_fo.model.errors import Usage
from sitescope_fo.store.edit_apply import EditContext, EditResult, apply_edit, edited_text
from sitescope_fo.store.edit_text import merged, remove_block, set_key, unset_key
from sitescope_fo.store.edit_text import set_setting as set_setting_text
from sitescope_fo.store.edit_text import unset_setting as unset_setting_text
from sitescope_fo.store.toml_lines import KeyPath
from sitescope_fo.store.toml_reader import nearest
from sitescope_fo.store.tree import LoadedTree
from sitescope_fo.store.tree_files import group_file
from sitescope_fo.store.tree_names import Place

Table = dict[str, object]


class Change:
    """Keys to set, settings to merge and keys to drop, as operations on the text and on the table of one element."""

    def __init__(self, keys: Mapping[str, object], settings: Mapping[str, object], unset: Collection[str]) -> None:
        whole = keys.get("settings")
        self.keys = {key: value for key, value in keys.items() if key != "settings"}
        self.settings = {**(whole if isinstance(whole, Mapping) else {}), **settings}
        self.drop_settings = [key.removeprefix("settings.") for key in unset if key.startswith("settings.")]
        self.drop = [key for key in unset if not key.startswith("settings.")]

    def in_text(self, text: str, at: KeyPath) -> str:
        """The text of a file with the element at that key path changed. Raises KeyError for a layout it does not know."""
        for key, value in self.keys.items():
            text = set_key(text, at, (key,), value)
        for key, value in self.settings.items():
            text = set_setting_text(text, at, key, value)
        for key in self.drop:
            text = unset_key(text, at, (key,))
        for key in self.drop_settings:
            text = unset_setting_text(text, at, key)
        return text

    def in_table(self, element: Table) -> None:
        """The same in the parsed element."""
        element.update(self.keys)
        if self.settings:
            element["settings"] = merged(element.get("settings"), self.settings)
        for key in self.drop:
            element.pop(key, None)
        inside = element.get("settings")
        if self.drop_settings and isinstance(inside, dict):
            element["settings"] = {key: value for key, value in inside.items() if key not in self.drop_settings}

    def refuse_absent(self, element: Mapping[str, object], where: str) -> None:
        """Dropping a key that is not there is a mistake in the request."""
        inside = element.get("settings")
        settings = inside if isinstance(inside, dict) else {}
        for key, known in [(k, element) for k in self.drop] + [(k, settings) for k in self.drop_settings]:
            if key not in known:
                raise Usage(f"'{key}' is not set", where=where, hint=nearest(key, map(str, known)), code="not_found")


def edit_elements(root: Path, loaded: LoadedTree, edits: Sequence[tuple[Place, Change]], using: EditContext) -> EditResult:
    """Changes elements of one or more group files, as one edit."""
    contents: dict[str, bytes | str | None] = {}
    for folder in dict.fromkeys(place.folder for place, _ in edits):
        document = loaded.drafts[folder].document
        here = [(place, change) for place, change in edits if place.folder == folder]
        for place, change in here:
            change.refuse_absent(_element(document.table, place.at), place.path)
        contents[group_file(folder)] = edited_text(document.text, partial(_all_in_text, here), partial(_all_in_table, here))
    return apply_edit(root, loaded, contents, using)


def _all_in_text(edits: Sequence[tuple[Place, Change]], text: str) -> str:
    for place, change in edits:
        text = change.in_text(text, place.at)
    return text


def _all_in_table(edits: Sequence[tuple[Place, Change]], table: Table) -> None:
    for place, change in edits:
        change.in_table(_element(table, place.at))


def _element(table: Table, at: KeyPath) -> Table:
    """The table at a key path that loading has checked."""
    here: Any = table
    for part in at:
        here = here[part]
    if not isinstance(here, dict):
        raise KeyError(at)
    return here


def remove_elements(root: Path, loaded: LoadedTree, folder: str, places: Sequence[KeyPath], using: EditContext) -> EditResult:
    """Removes elements of one group file, as one edit."""

    def in_text(text: str) -> str:
        for at in sorted(places, key=_number, reverse=True):
            text = remove_block(text, at)
        return text

    def in_table(table: Table) -> None:
        gone = [_element(table, at) for at in places]
        for kind in {str(at[0]) for at in places}:
            items = table[kind]
            left = [item for item in items if not any(item is one for one in gone)] if isinstance(items, list) else []
            if left:
                table[kind] = left
            else:
                del table[kind]

    text = edited_text(loaded.drafts[folder].document.text, in_text, in_table)
    return apply_edit(root, loaded, {group_file(folder): text}, using)


def _number(at: KeyPath) -> int:
    """The place of an array element among its like: removed from the last one on, the others keep theirs."""
    return at[-1] if isinstance(at[-1], int) else 0
