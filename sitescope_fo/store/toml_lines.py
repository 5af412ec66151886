"""Where things stand in a TOML text: blocks, keys and values with their lines and offsets.

tomllib says what a file holds and not where; this scanner says where and relies on tomllib having accepted the text. It lets
problems name their line and edits touch only the characters they mean, so that comments and layout survive.
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right

import msgspec

KeyPath = tuple[str | int, ...]
"""`("monitor", 2, "name")`: table names and, for arrays, indexes."""

_KEY_PART = r"""(?:[A-Za-z0-9_-]+|"(?:\\.|[^"\\\n])*"|'[^'\n]*')"""
_KEY = re.compile(rf"{_KEY_PART}(?:[ \t]*\.[ \t]*{_KEY_PART})*")
_PARTS = re.compile(_KEY_PART)
_HEADER = re.compile(rf"(\[\[?)[ \t]*({_KEY.pattern})[ \t]*\]\]?")
_TOKEN = re.compile(
    r'''"""(?:\\.|[^\\])*?"{3,5}|\'{3}.*?'{3,5}|"(?:\\.|[^"\\\n])*"|'[^'\n]*'|\#[^\n]*|[\[{]|[\]}]|[^"'#\[\]{}\n]+|\n''',
    re.DOTALL,
)
_BLANK = re.compile(r"[ \t\r\n]*(?:#[^\n]*)?")


class Entry(msgspec.Struct, frozen=True):
    """One `key = value`: text[start:end] is the whole line(s) with the newline, text[value_start:value_end] the value."""

    key: tuple[str, ...]
    start: int
    value_start: int
    value_end: int
    end: int


class Block(msgspec.Struct, frozen=True):
    """A header and what follows up to the next one: text[start:end]; text[start:body] is the header line.

    The block before the first header has the path ().
    """

    path: KeyPath
    is_array: bool
    start: int
    body: int
    end: int
    entries: tuple[Entry, ...]

    def find(self, key: tuple[str, ...]) -> Entry | None:
        """The entry with exactly that key."""
        return next((e for e in self.entries if e.key == key), None)


def scan(text: str) -> tuple[Block, ...]:
    """The blocks of a text that tomllib accepts, in file order."""
    counts: dict[KeyPath, int] = {}
    blocks: list[Block] = []
    path: KeyPath = ()
    start = body = pos = 0
    is_array = False
    entries: list[Entry] = []
    while pos < len(text):
        pos = _skip_blank(text, pos)
        if pos >= len(text):
            break
        line_start = text.rfind("\n", 0, pos) + 1
        header = _HEADER.match(text, pos)
        if header is not None:
            blocks.append(Block(path, is_array, start, body, line_start, tuple(entries)))
            is_array = header[1] == "[["
            path = _resolve(_key_parts(header[2]), is_array=is_array, counts=counts)
            start, body, entries = line_start, _line_end(text, header.end()), []
            pos = body
            continue
        key = _KEY.match(text, pos)
        if key is None:
            break
        value_start = _skip_spaces(text, text.index("=", key.end()) + 1)
        value_end = _value_end(text, value_start)
        pos = _line_end(text, value_end)
        entries.append(Entry(_key_parts(key[0]), line_start, value_start, value_end, pos))
    blocks.append(Block(path, is_array, start, body, len(text), tuple(entries)))
    return tuple(blocks)


def _skip_blank(text: str, pos: int) -> int:
    while True:
        match = _BLANK.match(text, pos)
        if match is None or match.end() == pos:
            return pos
        pos = match.end()


def _skip_spaces(text: str, pos: int) -> int:
    while pos < len(text) and text[pos] in " \t":
        pos += 1
    return pos


def _line_end(text: str, pos: int) -> int:
    """The offset after the newline that ends the line of `pos`."""
    newline = text.find("\n", pos)
    return len(text) if newline < 0 else newline + 1


def _value_end(text: str, pos: int) -> int:
    """Where the value that starts at `pos` ends."""
    depth = 0
    end = pos
    for token in _TOKEN.finditer(text, pos):
        word = token[0]
        if word[0] == "#":
            if not depth:
                break
            continue
        if word == "\n" and not depth:
            break
        if word in "[{":
            depth += 1
        elif word in "]}":
            depth -= 1
        if word.strip():
            end = token.start() + len(word.rstrip())
        if not depth and word[0] in "\"']}":
            break
    return end


def _key_parts(text: str) -> tuple[str, ...]:
    return tuple(_unquote(part) for part in _PARTS.findall(text))


def _unquote(part: str) -> str:
    if part[0] == "'":
        return part[1:-1]
    if part[0] == '"':
        return part[1:-1] if "\\" not in part else str(tomllib.loads(f"k = {part}")["k"])
    return part


def _resolve(names: tuple[str, ...], *, is_array: bool, counts: dict[KeyPath, int]) -> KeyPath:
    """The path of a header, with the index of the current element wherever a name is an array of tables."""
    path: KeyPath = ()
    for position, name in enumerate(names):
        path = (*path, name)
        if is_array and position == len(names) - 1:
            counts[path] = counts.get(path, -1) + 1
        if path in counts:
            path = (*path, counts[path])
    return path


class Lines:
    """Line numbers of a text, worked out when the first one is asked for."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._index: dict[KeyPath, int] | None = None

    def of(self, path: KeyPath) -> int:
        """The 1-based line of the key or header at `path`, of its nearest known parent, else 0."""
        if self._index is None:
            self._index = _line_index(self._text)
        while path and path not in self._index:
            path = path[:-1]
        return self._index.get(path, 0)


def _line_index(text: str) -> dict[KeyPath, int]:
    starts = [0]
    starts.extend(m.end() for m in re.finditer("\n", text))
    index: dict[KeyPath, int] = {}
    for block in scan(text):
        if block.path:
            index.setdefault(block.path, bisect_right(starts, block.start))
        for entry in block.entries:
            line = bisect_right(starts, entry.start)
            for depth in range(1, len(entry.key) + 1):
                index.setdefault((*block.path, *entry.key[:depth]), line)
    return index


def show_path(path: KeyPath) -> str:
    """`monitor[2].settings.url`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else (f".{part}" if text else part)
    return text


def comments(text: str) -> tuple[str, ...]:
    """Every comment of a text that tomllib accepts (a "#" in a string is none)."""
    return tuple(token[0] for token in _TOKEN.finditer(text) if token[0][0] == "#")
