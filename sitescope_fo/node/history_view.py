"""What people see of the history: what one configuration holds, and what differs between two. Bounded, and without secrets.

A configuration is named by a snapshot, the beginning of its name, `newest` (of the history) or `current` (the mirror in force).

`history_show`: `counts` of groups, monitors, alerts, schedules, actions, secrets, files, bytes; `groups` `[{path id monitors}]`,
`monitors` `[{path id type enabled}]`, `files` `[{path bytes}]`, each up to 1,000 rows; `left_off` says how many more there are.

`history_diff`: `a` and `b` say what was compared, `counts` per kind how many things were added, removed, changed; `changes` a
page of `{kind change id path was keys keys_left_off}`, `keys` of `{key old new}` with null for a key that is not there and
`(secret)` for one that is nobody's business.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from sitescope_fo.mirror.kept_tree import Comparison, KeptTree, SecretSettings, compare, read_kept, things_of
from sitescope_fo.mirror.tree_diff import Change, KeyChange
from sitescope_fo.model.monitor_type import TypeSpec
from sitescope_fo.node.config_view import SECRET

MOST_ROWS = 1000
"""Rows of one answer, groups, monitors and files each."""
MOST_CHANGES = 200
MOST_KEYS = 50
LONGEST_TEXT = 200
MOST_ITEMS = 20

KINDS = ("group", "monitor", "alert", "schedule", "action", "mail", "secret", "file")

Breathe = Callable[[], None]


def secret_settings(specs: Mapping[str, TypeSpec]) -> SecretSettings:
    """The settings of each monitor type that hold secrets."""
    return {name: frozenset(s.name for s in spec.settings if s.kind == "secret") for name, spec in specs.items()}


def show(profile_dir: Path, snapshot: str, secrets: SecretSettings, breathe: Breathe) -> dict[str, Any]:
    """The `history_show` query. Blocking. Raises as `read_kept`."""
    tree = read_kept(profile_dir, snapshot)
    things = things_of(tree, secrets, breathe)
    counts = Counter(thing.kind for thing in things)
    groups = [thing for thing in things if thing.kind == "group"]
    monitors = [thing for thing in things if thing.kind == "monitor"]
    inside = Counter(thing.parent for thing in monitors)
    return {
        **_what(tree),
        "verified": True,
        "counts": {f"{kind}s": counts[kind] for kind in ("group", "monitor", "alert", "schedule", "action", "secret")}
        | {"files": len(tree.files), "bytes": sum(one.size for one in tree.files.values())},
        "groups": [{"path": one.path, "id": one.id, "monitors": inside[one.id]} for one in groups[:MOST_ROWS]],
        "monitors": [
            {
                "path": one.path,
                "id": one.id,
                "type": str(one.keys.get("type", "")),
                "enabled": one.keys.get("enabled", True) is not False,
            }
            for one in monitors[:MOST_ROWS]
        ],
        "files": [{"path": path, "bytes": tree.files[path].size} for path in sorted(tree.files)[:MOST_ROWS]],
        "left_off": sum(max(0, len(rows) - MOST_ROWS) for rows in (groups, monitors, tree.files)),
    }


def difference(
    profile_dir: Path, words: tuple[str, str], page: tuple[int, int], secrets: SecretSettings, breathe: Breathe
) -> dict[str, Any]:
    """The `history_diff` query: what makes the second of `words` of the first; `page` is (offset, limit). Blocking.

    Raises as `read_kept`.
    """
    old, new = (read_kept(profile_dir, word) for word in words)
    found = compare(old, new, secrets, breathe)
    offset, limit = page[0], min(page[1] or MOST_CHANGES, MOST_CHANGES)
    shown = found.changes[offset : offset + limit]
    end = offset + len(shown)
    return {
        "a": _what(old),
        "b": _what(new),
        "same": not found.changes,
        "counts": _counts(found.changes),
        "total": len(found.changes),
        "offset": offset,
        "next": end if end < len(found.changes) else None,
        "changes": [_row(change, found) for change in shown],
    }


def _what(tree: KeptTree) -> dict[str, Any]:
    return {
        "snapshot": tree.name,
        "at": tree.at,
        "kind": tree.kind,
        "revision": tree.revision,
        "base": tree.base,
        "archive_bytes": tree.archive_bytes,
    }


def _counts(changes: Iterable[Change]) -> dict[str, dict[str, int]]:
    """Per kind that changed: how many were added, removed, changed."""
    count = Counter((change.kind, change.change) for change in changes)
    seen = [kind for kind in KINDS if any(kind == one for one, _ in count)]
    return {kind: {word: count[kind, word] for word in ("added", "removed", "changed")} for kind in seen}  # type: ignore[index]


def _row(change: Change, found: Comparison) -> dict[str, Any]:
    return {
        "kind": change.kind,
        "change": change.change,
        "id": change.id,
        "path": change.path,
        "was": change.was,
        "keys": [_key(key, found) for key in change.keys[:MOST_KEYS]],
        "keys_left_off": max(0, len(change.keys) - MOST_KEYS),
    }


def _key(key: KeyChange, found: Comparison) -> dict[str, Any]:
    return {
        "key": key.key,
        "old": _value(key, key.old, found.old_paths),
        "new": _value(key, key.new, found.new_paths),
    }


def _value(key: KeyChange, value: Any, paths: Mapping[str, str]) -> Any:  # noqa: ANN401  # any TOML value
    if value is None:
        return None
    if key.hidden:
        return SECRET
    if key.key == "depends_on":
        value = paths.get(str(value), value)
    return _short(value)


def _short(value: Any) -> Any:  # noqa: ANN401  # any TOML value
    """A value that fits: long texts are cut, long lists tell how many they leave off."""
    if isinstance(value, str):
        return value if len(value) <= LONGEST_TEXT else f"{value[: LONGEST_TEXT - 1]}…"
    if isinstance(value, list):
        more = [f"… {len(value) - MOST_ITEMS} more"] if len(value) > MOST_ITEMS else []
        return [*(_short(one) for one in value[:MOST_ITEMS]), *more]
    if isinstance(value, dict):
        return _short(msgspec.json.encode(value, enc_hook=str).decode())
    return value if isinstance(value, bool | int | float) else str(value)
