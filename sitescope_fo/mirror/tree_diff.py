"""What differs between two outlines of a configuration: things added, removed and changed, key by key. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal, get_args

import msgspec

from sitescope_fo.mirror.tree_outline import Kind, Thing
from sitescope_fo.store.toml_reader import fold

_ORDER = {kind: place for place, kind in enumerate(get_args(Kind))}
MOVED = "group"
"""The key that a monitor or an alert in another group shows."""


class KeyChange(msgspec.Struct, frozen=True, kw_only=True):
    """One key. None: it is not there. `hidden`: a secret, never to be shown."""

    key: str
    old: Any = None
    new: Any = None
    hidden: bool = False


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that differs. `path` is the new one where there is one; `was` the old one when that differs."""

    kind: Kind
    change: Literal["added", "removed", "changed"]
    id: str
    path: str
    was: str = ""
    keys: tuple[KeyChange, ...] = ()


def diff(old: Iterable[Thing], new: Iterable[Thing]) -> tuple[Change, ...]:
    """The changes that make `new` of `old`, by kind and path.

    Things are the same by id; those without a written one, on either side, by path. What only moved along with a renamed group
    has not changed.
    """
    before, after = _by_id(old), _by_id(new)
    _join_by_path(before, after)
    changes = list(_changes(before, after))
    return tuple(sorted(changes, key=lambda change: (_ORDER[change.kind], fold(change.path), change.path, change.id)))


_Things = dict[tuple[str, str], Thing]


def _by_id(things: Iterable[Thing]) -> _Things:
    """By kind and id; of two with one id the later, which a loaded tree never has."""
    return {(thing.kind, thing.id): thing for thing in things}


def _join_by_path(before: _Things, after: _Things) -> None:
    """Gives things that lack a written id on one side the id of their namesake on the other, if that is unmatched."""
    lone = {(thing.kind, fold(thing.path)): key for key, thing in before.items() if key not in after}
    for key in [key for key in after if key not in before]:
        thing = after[key]
        name = (thing.kind, fold(thing.path))
        namesake = lone.get(name)
        if namesake is None or (thing.has_id and before[namesake].has_id):
            continue
        del lone[name]
        if thing.has_id:
            before[key] = before.pop(namesake)
        else:
            after[namesake] = after.pop(key)


def _changes(before: _Things, after: _Things) -> Iterator[Change]:
    for key, thing in before.items():
        now = after.get(key)
        if now is None:
            keys = _key_changes(thing.keys, {}, thing.hidden)
            yield Change(kind=thing.kind, change="removed", id=key[1], path=thing.path, keys=keys)
        elif keys := _both(thing, now):
            was = thing.path if thing.path != now.path else ""
            yield Change(kind=now.kind, change="changed", id=key[1], path=now.path, was=was, keys=keys)
    for key, thing in after.items():
        if key not in before:
            keys = _key_changes({}, thing.keys, thing.hidden)
            yield Change(kind=thing.kind, change="added", id=key[1], path=thing.path, keys=keys)


def _both(old: Thing, new: Thing) -> tuple[KeyChange, ...]:
    keys = _key_changes(old.keys, new.keys, old.hidden | new.hidden)
    here, there = old.path.rpartition("/")[0], new.path.rpartition("/")[0]
    if old.parent == new.parent or fold(here) == fold(there):
        return keys
    return (KeyChange(key=MOVED, old=here, new=there), *keys)


def _key_changes(old: Mapping[str, Any], new: Mapping[str, Any], hidden: frozenset[str]) -> tuple[KeyChange, ...]:
    return tuple(
        KeyChange(key=key, old=old.get(key), new=new.get(key), hidden=key in hidden)
        for key in sorted(old.keys() | new.keys())
        if key not in old or key not in new or not _same(old[key], new[key])
    )


def _same(old: object, new: object) -> bool:
    """Equal as TOML: 1, 1.0 and true are three values."""
    if type(old) is not type(new):
        return False
    return (
        old == new if isinstance(old, str) else msgspec.json.encode(old, enc_hook=str) == msgspec.json.encode(new, enc_hook=str)
    )
