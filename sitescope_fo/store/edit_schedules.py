"""Edits of `persistence/schedules.toml` by program; what `store.edit` promises holds here, too."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from sitescope_fo.model.errors import Conflict, Refused, Usage
from sitescope_fo.model.schedule import Schedule
from sitescope_fo.store.edit_apply import EditContext, EditResult, apply_edit, edited_text
from sitescope_fo.store.edit_text import append_block, remove_block, set_key, unset_key
from sitescope_fo.store.toml_reader import fold, nearest
from sitescope_fo.store.toml_text import toml_block
from sitescope_fo.store.tree import LoadedTree, load_whole

FILE = "schedules.toml"
KEY = "schedule"
TIMES = ("windows", "moments")
SHOWN_USERS = 5

Table = dict[str, object]


def add_schedule(root: Path, table: Mapping[str, object], *, using: EditContext) -> EditResult:
    """Adds a schedule; `table` as in the file. Raises Conflict (`duplicate_name`), ConfigInvalid for times that are none."""
    loaded = _load(root, using)
    name = str(table.get("name", ""))
    if _place(loaded, name) is not None:
        raise _taken(name)

    def in_table(top: Table) -> None:
        items = top.setdefault(KEY, [])
        if isinstance(items, list):
            items.append(dict(table))

    return _write(root, loaded, lambda text: append_block(text, toml_block(f"[[{KEY}]]", table)), in_table, using)


def edit_schedule(
    root: Path, name: str, changes: Mapping[str, object], *, using: EditContext, users: Collection[str] = ()
) -> EditResult:
    """Changes keys of a schedule; `windows` and `moments` replace each other, a new name is the key `name`.

    While a monitor of the tree or one of `users`, who are outside of it, refers to it, it keeps its name and its kind.
    Raises Usage (`not_found`), Conflict (`duplicate_name`), Refused (`in_use`), ConfigInvalid.
    """
    loaded = _load(root, using)
    place = _found(loaded, name)
    schedule = loaded.tree.schedules[place]
    new_name = str(changes.get("name", schedule.name))
    if _place(loaded, new_name) not in {None, place}:
        raise _taken(new_name)
    kind = "range" if "windows" in changes else "absolute" if "moments" in changes else schedule.kind
    users = _users(loaded, schedule.name, users)
    if users and (new_name != schedule.name or kind != schedule.kind):
        what = "be renamed" if new_name != schedule.name else f"become {'a range' if kind == 'range' else 'absolute'}"
        raise _in_use(schedule.name, users, what)
    gone = [key for key in TIMES if key not in changes and kind != schedule.kind]

    def in_text(text: str) -> str:
        for key, value in changes.items():
            text = set_key(text, (KEY, place), (key,), value)
        for key in gone:
            text = unset_key(text, (KEY, place), (key,))
        return text

    def in_table(top: Table) -> None:
        element = _element(top, place)
        element.update(changes)
        for key in gone:
            element.pop(key, None)

    return _write(root, loaded, in_text, in_table, using)


def remove_schedule(root: Path, name: str, *, using: EditContext, users: Collection[str] = ()) -> EditResult:
    """Removes a schedule that no monitor of the tree and none of `users`, who are outside of it, refers to.

    Raises Usage (`not_found`), Refused (`in_use`).
    """
    loaded = _load(root, using)
    place = _found(loaded, name)
    known = loaded.tree.schedules[place].name
    if users := _users(loaded, known, users):
        raise _in_use(known, users, "be removed")

    def in_table(top: Table) -> None:
        items = top[KEY]
        left = [one for n, one in enumerate(items) if n != place] if isinstance(items, list) else []
        top.pop(KEY)
        if left:
            top[KEY] = left

    return _write(root, loaded, lambda text: remove_block(text, (KEY, place)), in_table, using)


def _write(
    root: Path, loaded: LoadedTree, in_text: Callable[[str], str], in_table: Callable[[Table], None], using: EditContext
) -> EditResult:
    path = f"persistence/{FILE}"
    return apply_edit(root, loaded, {path: edited_text(loaded.text_of(path), in_text, in_table)}, using)


def _load(root: Path, using: EditContext) -> LoadedTree:
    return load_whole(root, using.book, None, new_id=using.new_id, cache=using.cache)


def _element(top: Table, place: int) -> Table:
    items = top[KEY]
    element = items[place] if isinstance(items, list) else None
    if not isinstance(element, dict):
        raise KeyError(KEY)
    return element


def _place(loaded: LoadedTree, name: str) -> int | None:
    """Its place in the file, which is that among the loaded ones."""
    return next((place for place, known in enumerate(loaded.tree.schedules) if fold(known.name) == fold(name)), None)


def _found(loaded: LoadedTree, name: str) -> int:
    place = _place(loaded, name)
    if place is None:
        known: list[Schedule] = list(loaded.tree.schedules)
        hint = nearest(name, [one.name for one in known]) or "List them: sitescope-fo schedule list"
        raise Usage(f"There is no schedule '{name}'", where="schedules", hint=hint, code="not_found")
    return place


def _users(loaded: LoadedTree, name: str, others: Collection[str]) -> list[str]:
    return [*sorted(others), *sorted(monitor.path for monitor in loaded.tree.monitors if monitor.schedule == name)]


def _taken(name: str) -> Conflict:
    return Conflict(f"There is a schedule '{name}' already", where="schedules", hint="Choose another name", code="duplicate_name")


def _in_use(name: str, users: Collection[str], what: str) -> Refused:
    shown = list(users)[:SHOWN_USERS]
    more = f" and {len(users) - len(shown)} more" if len(users) > len(shown) else ""
    return Refused(
        f"The schedule '{name}' is used and cannot {what}: {', '.join(shown)}{more}",
        where=name,
        hint="Give them another schedule first",
        code="in_use",
    )
