"""Edits of a TOML text that touch only what they mean; every other character, comments too, stays."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping

from sitescope_fo.store.toml_lines import Block, Entry, KeyPath, comments, scan
from sitescope_fo.store.toml_text import toml_key, toml_value


def block_at(text: str, path: KeyPath) -> Block | None:
    """The block whose header has exactly that path."""
    return next((b for b in scan(text) if b.path == path), None)


def set_key(text: str, path: KeyPath, key: tuple[str, ...], value: object) -> str:
    """`text` with `key = value` in the table at `path`; the line is changed where it stands, else added after the table's last.

    A table that is missing is added at the end; an array element must be there (KeyError).
    """
    block = block_at(text, path)
    line = f"{'.'.join(toml_key(k) for k in key)} = {toml_value(value)}"
    if block is None:
        if any(isinstance(part, int) for part in path):
            raise KeyError(path)
        header = ".".join(toml_key(str(part)) for part in path)
        return f"{_with_newline(text)}{_gap(text)}[{header}]\n{line}\n"
    entry = block.find(key)
    if entry is not None:
        return text[: entry.value_start] + toml_value(value) + text[entry.value_end :]
    place = block.entries[-1].end if block.entries else block.body
    return _insert_line(text, place, line)


def insert_under_header(text: str, path: KeyPath, key: str, value: object) -> str:
    """`text` with a line `key = value` right under the header of `path`. Raises KeyError when there is no such header."""
    block = block_at(text, path)
    if block is None:
        raise KeyError(path)
    return _insert_line(text, block.body, f"{toml_key(key)} = {toml_value(value)}")


def _insert_line(text: str, place: int, line: str) -> str:
    before = text[:place]
    newline = "\r\n" if "\r\n" in text else "\n"
    return before + ("" if not before or before.endswith("\n") else newline) + line + newline + text[place:]


def unset_key(text: str, path: KeyPath, key: tuple[str, ...]) -> str:
    """`text` without that key's lines. Raises KeyError when it is not written as a line of its own."""
    block = block_at(text, path)
    entry = block.find(key) if block else None
    if entry is None:
        raise KeyError(key)
    return text[: entry.start] + text[entry.end :]


def append_block(text: str, block: str) -> str:
    """`text` with `block` at the end, after an empty line."""
    return _with_newline(text) + _gap(text) + block


def remove_block(text: str, path: KeyPath) -> str:
    """`text` without the array element at `path`, its sub-tables and the comment lines that stand directly above its header.

    Comments above the next header stay with that. Raises KeyError.
    """
    blocks = scan(text)
    first = next((i for i, b in enumerate(blocks) if b.path == path), None)
    if first is None:
        raise KeyError(path)
    last = first
    while last + 1 < len(blocks) and blocks[last + 1].path[: len(path)] == path:
        last += 1
    start = _comment_start(text, blocks[first].start)
    end = blocks[last].end
    if last + 1 < len(blocks):
        end = max(_comment_start(text, end), blocks[last].body, *(e.end for e in blocks[last].entries), 0)
    rest = text[end:]
    head = text[:start].rstrip("\n")
    return (head + "\n\n" if head else "") + rest.lstrip("\n") if rest.strip() else (head + "\n" if head else "")


def _comment_start(text: str, place: int) -> int:
    """Where the comment lines directly above the line at `place` begin."""
    while place > 0:
        line_start = text.rfind("\n", 0, place - 1) + 1
        if not text[line_start:place].lstrip(" \t").startswith("#"):
            return place
        place = line_start
    return place


def value_of(text: str, entry: Entry) -> object:
    """The parsed value of an entry."""
    return tomllib.loads(f"v = {text[entry.value_start : entry.value_end]}")["v"]


def comments_lost(before: str, after: str) -> bool:
    """Whether an edit dropped a comment line or the comment behind a value."""
    return len(comments(before)) > len(comments(after))


def merged(old: object, changes: Mapping[str, object]) -> dict[str, object]:
    """A table with changed values; None removes a key."""
    table = dict(old) if isinstance(old, Mapping) else {}
    for key, value in changes.items():
        if value is None:
            table.pop(key, None)
        else:
            table[key] = value
    return table


def _with_newline(text: str) -> str:
    return text if not text or text.endswith("\n") else text + "\n"


def _gap(text: str) -> str:
    return "\n" if text.strip() and not text.endswith("\n\n") else ""


def insert_ids(text: str, ids: Mapping[KeyPath, str]) -> str:
    """`text` with a line `id = "…"` under the header of each path, in one pass.

    A [group] header that is missing is put first; any other header that is missing is passed over.
    """
    blocks = {block.path: block for block in scan(text)}
    places = sorted(((blocks[path].body, value) for path, value in ids.items() if path in blocks), reverse=True)
    for place, value in places:
        text = _insert_line(text, place, f"id = {toml_value(value)}")
    if ("group",) in ids and ("group",) not in blocks:
        gap = "\n" if text.strip() else ""
        text = f"[group]\nid = {toml_value(ids['group',])}\n{gap}{text}"
    return text


def set_setting(text: str, path: KeyPath, key: str, value: object) -> str:
    """`text` with one setting changed, in whichever form the element at `path` writes its settings. Raises KeyError."""
    block = block_at(text, path)
    if block is None:
        raise KeyError(path)
    if block_at(text, (*path, "settings")) is not None:
        return set_key(text, (*path, "settings"), (key,), value)
    inline = block.find(("settings",))
    if inline is not None:
        return set_key(text, path, ("settings",), merged(value_of(text, inline), {key: value}))
    if any(entry.key[0] == "settings" for entry in block.entries):
        return set_key(text, path, ("settings", key), value)
    return set_key(text, path, ("settings",), {key: value})


def unset_setting(text: str, path: KeyPath, key: str) -> str:
    """`text` without one setting. Raises KeyError."""
    block = block_at(text, path)
    if block is None:
        raise KeyError(path)
    inline = block.find(("settings",))
    if inline is not None:
        return set_key(text, path, ("settings",), merged(value_of(text, inline), {key: None}))
    if block_at(text, (*path, "settings")) is not None:
        return unset_key(text, (*path, "settings"), (key,))
    return unset_key(text, path, ("settings", key))
