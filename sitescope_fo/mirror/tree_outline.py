"""A configuration tree in outline: each thing in it and the keys that people wrote for it, straight from its files. Pure.

Nothing is validated, so that the configuration of another version and a damaged edit can be looked at, too. A file that is no
TOML, or none of those that hold things, is a thing of kind `file`, known by its hash and mode.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

import msgspec

from sitescope_fo.store.toml_reader import fold
from sitescope_fo.store.tree_files import GROUP_FILE

Kind = Literal["group", "monitor", "alert", "schedule", "action", "mail", "secret", "file"]
SETTINGS = "settings"
HIDDEN_WORDS = frozenset({"password", "passphrase"})
_SECRET_FILE = "persistence/secrets.toml"  # noqa: S105  # a file name
_NAMED: dict[str, tuple[Kind, str]] = {
    "persistence/schedules.toml": ("schedule", "schedule"),
    "persistence/alerts.toml": ("action", "action"),
}
_PREFERENCES = "persistence/preferences.toml"

Table = dict[str, Any]


class Thing(msgspec.Struct, frozen=True, kw_only=True):
    """One thing of a tree. `id` is the one written for it, else made of its path.

    `keys` are flat: `settings.url`, `servers.0.host`.
    """

    kind: Kind
    id: str
    path: str
    parent: str = ""
    """The id of the group that holds it."""
    keys: dict[str, Any] = {}
    hidden: frozenset[str] = frozenset()
    """The keys whose values are secrets, sealed or not."""
    has_id: bool = True


def tells_things(path: str) -> bool:
    """Whether a file of that path says more than its hash."""
    if path.startswith("groups/"):
        return path.rpartition("/")[2] == GROUP_FILE
    return path in _NAMED or path in {_PREFERENCES, _SECRET_FILE}


def outline(
    contents: Mapping[str, bytes],
    facts: Mapping[str, Mapping[str, Any]],
    secret_settings: Mapping[str, frozenset[str]],
    breathe: Callable[[], None] = lambda: None,
) -> tuple[Thing, ...]:
    """The things of a tree. `contents` are files that `tells_things`, `facts` (hash, mode) of all files by path.

    `secret_settings` names the settings of each monitor type that hold secrets. A group whose file is not among `contents` goes
    by the name of its folder. `breathe` is called after each file.
    """
    things: list[Thing] = []
    groups: dict[str, Thing] = {}
    for path in sorted(contents, key=lambda path: path.removesuffix(GROUP_FILE)):  # parents first
        breathe()
        table = _table(contents[path])
        if table is None:
            things.append(_file(path, facts.get(path, {})))
        elif path.startswith("groups/"):
            things += _group_file(path, table, groups, secret_settings)
        elif path in _NAMED:
            things += _named(table, *_NAMED[path])
        elif path == _PREFERENCES:
            things += _mail(table)
        else:
            things += _secrets(table)
    things += [_file(path, said) for path, said in facts.items() if path not in contents]
    return tuple(things)


def _table(content: bytes) -> Table | None:
    try:
        return tomllib.loads(content.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError):
        return None


def _file(path: str, facts: Mapping[str, Any]) -> Thing:
    return Thing(kind="file", id=path, path=path, keys=dict(facts))


def _group_file(
    path: str, table: Table, groups: dict[str, Thing], secret_settings: Mapping[str, frozenset[str]]
) -> Iterator[Thing]:
    """The group, its monitors and alerts. The top file has no group: its alerts are the whole node's."""
    folder = path.removeprefix("groups/").removesuffix(GROUP_FILE).rstrip("/")
    here, owner = "", ""
    if folder:
        keys = _dict(table.get("group"))
        stem, parent, name = _above(folder, groups)
        here = f"{stem}/{keys.get('name') or name}".lstrip("/")
        group = _thing("group", keys, here, parent)
        owner = group.id
        groups[folder] = group
        yield group
    for one in _dicts(table.get("monitor")):
        secrets = secret_settings.get(str(one.get("type", "")), frozenset())
        yield _thing("monitor", one, f"{here}/{one.get('name', '')}", owner, {f"{SETTINGS}.{name}" for name in secrets})
    for one in _dicts(table.get("alert")):
        scope = f"{here}/{one['monitor']}" if one.get("monitor") else here
        yield _thing("alert", one, f"{scope or ''}/{one.get('name', '')}", owner)


def _above(folder: str, groups: Mapping[str, Thing]) -> tuple[str, str, str]:
    """(path, id) of the group that holds the folder, and the folder's own name; folders without a file go by their names."""
    above, _, name = folder.rpartition("/")
    if not above:
        return "", "", name
    group = groups.get(above)
    if group is not None:
        return group.path, group.id, name
    stem, parent, middle = _above(above, groups)
    return f"{stem}/{middle}".lstrip("/"), parent, name


def _named(table: Table, kind: Kind, key: str) -> Iterator[Thing]:
    for one in _dicts(table.get(key)):
        yield _thing(kind, one, str(one.get("name", "")), "")


def _mail(table: Table) -> Iterator[Thing]:
    for section, values in table.items():
        yield _thing("mail", _dict(values) or {"value": values}, section, "")


def _secrets(table: Table) -> Iterator[Thing]:
    """Names only: the sealed text says that a secret was set anew, the keys in the file are no configuration."""
    for name, sealed in _dict(table.get("secrets")).items():
        yield Thing(kind="secret", id=name, path=name, keys={"value": sealed}, hidden=frozenset({"value"}))


def _thing(kind: Kind, table: Table, path: str, parent: str, secret: set[str] | frozenset[str] = frozenset()) -> Thing:
    keys = dict(_flat({key: value for key, value in table.items() if key != "id"}))
    hidden = frozenset(key for key, value in keys.items() if key in secret or _is_secret(key, value))
    identity = table.get("id")
    if isinstance(identity, str) and identity:
        return Thing(kind=kind, id=identity, path=path, parent=parent, keys=keys, hidden=hidden)
    return Thing(kind=kind, id=f"{kind}:{fold(path)}", path=path, parent=parent, keys=keys, hidden=hidden, has_id=False)


def _flat(table: Table, stem: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in table.items():
        name = f"{stem}{key}"
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{name}.")
        elif isinstance(value, list) and value and all(isinstance(one, dict) for one in value):
            for place, one in enumerate(value):
                yield from _flat(one, f"{name}.{place}.")
        else:
            yield name, value


def _is_secret(key: str, value: object) -> bool:
    sealed = isinstance(value, str) and value.startswith(("sealed:", "secret:"))
    return sealed or key.rpartition(".")[2] in HIDDEN_WORDS


def _dict(value: object) -> Table:
    return value if isinstance(value, dict) else {}


def _dicts(value: object) -> list[Table]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
