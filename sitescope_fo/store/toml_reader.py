"""Reads configuration tables key by key and collects every problem, each with file, line, key path and the nearest valid name."""

from __future__ import annotations

import difflib
import hashlib
import re
import tomllib
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from enum import StrEnum
from typing import TypeVar

from sitescope_fo.model.duration import format_duration, parse_duration
from sitescope_fo.model.errors import ConfigInvalid, Problem, Usage
from sitescope_fo.store.toml_lines import KeyPath, Lines, show_path

MAX_FILE_BYTES = 8 * 1024 * 1024
MAX_NAME_BYTES = 100
MAX_PROBLEMS = 1000
_AT_LINE = re.compile(r"at line (\d+)")
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_NOT_IN_NAMES = frozenset({"Cc", "Zl", "Zp", "Cs"})
Choice = TypeVar("Choice", bound=StrEnum)


class Document:
    """One parsed file: its table, and lines for problems. A file that does not parse has an empty table and one problem.

    With `sound` the content is known to have been read without a problem: it is parsed only when the table is asked for.
    """

    def __init__(self, file: str, content: bytes, sha256: str = "", *, sound: bool = False) -> None:
        self.file = file
        self.sha256 = sha256 or hashlib.sha256(content).hexdigest()
        self.problems: list[Problem] = []
        self._table: dict[str, object] | None = None
        self.text = ""
        self.broken = False
        """Whether it could not be parsed at all."""
        try:
            self.text = content.decode()
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            self._reject("The file is not UTF-8 text", line, "Save it as UTF-8")
        else:
            if not sound:
                self._parse()
        self._lines = Lines(self.text)

    @property
    def table(self) -> dict[str, object]:
        """What the file says; parsed again after `release`."""
        if self._table is None:
            self._table = {} if self.broken else tomllib.loads(self.text)
        return self._table

    def release(self) -> None:
        """Gives the memory of the table back: ten times that of the text, and in a tree that runs nobody asks for it."""
        self._table = None

    def _parse(self) -> None:
        if self.text.startswith("\ufeff"):
            self._reject("The file starts with a byte order mark", 1, "Save it as UTF-8 without one")
            return
        try:
            self._table = tomllib.loads(self.text)
        except RecursionError:
            self._reject("The file is nested too deeply", 0, "")
        except ValueError as error:  # TOMLDecodeError, and int() for absurdly long numbers
            place = _AT_LINE.search(str(error))
            line = int(place[1]) if place else self.text.count("\n") + 1 if "end of document" in str(error) else 0
            self._reject(f"This is not TOML: {error}", line, "Look for a missing quote or bracket, or a file cut short")

    def _reject(self, what: str, line: int, hint: str) -> None:
        self.broken = True
        self.problems.append(Problem(file=self.file, line=line, what=what, hint=hint))

    def problem(self, path: KeyPath, what: str, hint: str = "") -> None:
        """Notes a problem at `path`."""
        self.problems.append(self.at(path, what, hint))

    def at(self, path: KeyPath, what: str, hint: str = "") -> Problem:
        """A problem at `path`, not noted."""
        return Problem(file=self.file, line=self._lines.of(path), path=show_path(path), what=what, hint=hint)

    def reader(self) -> TableReader:
        """Reads the top level."""
        return TableReader(self, self.table, ())


class TableReader:
    """Reads one table; what is absent gives the default, what is wrong gives the default and a problem."""

    def __init__(self, document: Document, table: Mapping[str, object], path: KeyPath) -> None:
        self.document = document
        self.table = table
        self.path = path
        self._known: list[str] = []

    def _get(self, key: str) -> object | None:
        self._known.append(key)
        return self.table.get(key)

    def has(self, key: str) -> bool:
        """Whether the key is written."""
        return key in self.table

    def problem(self, key: str, what: str, hint: str = "") -> None:
        """Notes a problem at a key of this table; "" = the table."""
        self.document.problem((*self.path, key) if key else self.path, what, hint)

    def _wrong(self, key: str, value: object, wanted: str) -> None:
        self.problem(key, f"'{key}' is {_kind(value)}, it must be {wanted}")

    def text(self, key: str, default: str = "") -> str:
        """A text without control characters."""
        value = self._get(key)
        if value is None:
            return default
        if not isinstance(value, str):
            self._wrong(key, value, "a text in quotes")
            return default
        if any(unicodedata.category(c) == "Cc" and c not in "\t\n" for c in value):
            self.problem(key, f"'{key}' contains a control character")
            return default
        return value

    def name(self, key: str = "name", *, default: str = "", slash: bool = False) -> str:
        """A required name in NFC; "" with a problem noted when it is none. See `name_problem`."""
        if key not in self.table and default:
            self._known.append(key)
            return default
        value = self._get(key)
        if value is None:
            self.problem("", f"'{key}' is missing", f'Add {key} = "…"')
            return ""
        if not isinstance(value, str):
            self._wrong(key, value, "a text in quotes")
            return ""
        why = name_problem(value, slash=slash)
        if why:
            self.problem(key, f"The name {value!r} {why}")
            return ""
        return unicodedata.normalize("NFC", value)

    def flag(self, key: str, *, default: bool) -> bool:
        """A truth value."""
        value = self._get(key)
        if value is None or isinstance(value, bool):
            return default if value is None else value
        self._wrong(key, value, "true or false")
        return default

    def integer(self, key: str, default: int, *, least: int, most: int) -> int:
        """A whole number in [least, most]."""
        value = self._get(key)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int):
            self._wrong(key, value, "a whole number")
        elif not least <= value <= most:
            self.problem(key, f"'{key}' is {value}, it must be from {least} to {most}")
        else:
            return value
        return default

    def number(self, key: str, default: float, *, least: float, most: float) -> float:
        """A number in [least, most]."""
        value = self._get(key)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int | float):
            self._wrong(key, value, "a number")
        elif not least <= value <= most:
            self.problem(key, f"'{key}' is {value}, it must be from {least:g} to {most:g}")
        else:
            return float(value)
        return default

    def duration_s(self, key: str, default: float, *, least: float = 0.0, most: float = 0.0, off: bool = False) -> float:
        """A duration in seconds, at least `least` and at most `most` (0 = no limit); with `off`, "off" is 0."""
        value = self._get(key)
        if value is None:
            return default
        if not isinstance(value, str):
            self._wrong(key, value, 'a duration in quotes, such as "1m"')
            return default
        if off and value.strip() in {"off", "0", "0s"}:
            return 0.0
        try:
            seconds = parse_duration(value)
        except Usage as error:
            self.problem(key, error.what, error.hint + (', or "off"' if off else ""))
            return default
        if seconds < least:
            self.problem(key, f"'{key}' is {value}, it must be at least {format_duration(least)}")
            return default
        if most and seconds > most:
            self.problem(key, f"'{key}' is {value}, it must be at most {format_duration(most)}")
            return default
        return seconds

    def choice(self, key: str, default: Choice, allowed: Collection[Choice] = ()) -> Choice:
        """One word of an enumeration, or of the part of it that is allowed."""
        value = self._get(key)
        words = tuple(allowed) or tuple(type(default))
        if value is None:
            return default
        if isinstance(value, str):
            for word in words:
                if word.value == value:
                    return word
        listed = ", ".join(w.value for w in words)
        self.problem(key, f"'{key}' is {_shown(value)}, it must be one of {listed}", nearest(value, [w.value for w in words]))
        return default

    def texts(self, key: str, default: tuple[str, ...] = ()) -> tuple[str, ...]:
        """A list of texts; one text stands for a list of one."""
        value = self._get(key)
        if value is None:
            return default
        items = [value] if isinstance(value, str) else value
        if not isinstance(items, list):
            self._wrong(key, value, "a list of texts")
            return default
        good = [item for item in items if isinstance(item, str)]
        if len(good) != len(items):
            self.problem(key, f"'{key}' must hold only texts in quotes")
            return default
        return tuple(good)

    def sub(self, key: str) -> TableReader:
        """A table; an empty one when absent."""
        value = self._get(key)
        if value is not None and not isinstance(value, dict):
            self._wrong(key, value, "a table")
        return TableReader(self.document, value if isinstance(value, dict) else {}, (*self.path, key))

    def each(self, key: str) -> list[TableReader]:
        """The tables of an array `[[key]]`."""
        value = self._get(key)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            self._wrong(key, value, f"an array of tables, written [[{key}]]")
            return []
        return [TableReader(self.document, item, (*self.path, key, i)) for i, item in enumerate(value)]

    def finish(self) -> None:
        """Notes every key that nobody asked for."""
        for key in self.table:
            if key not in self._known:
                self.problem(key, f"Unknown key '{key}'", nearest(key, self._known))


def name_problem(text: str, *, slash: bool = False) -> str:
    """Why `text` is no name of a group, monitor, alert …: 1-100 UTF-8 bytes, no control characters, no "/"; "" when it is one."""
    if not text.strip():
        return "is empty"
    if any(unicodedata.category(c) in _NOT_IN_NAMES for c in text):
        return "contains a control character"
    if text != text.strip():
        return "begins or ends with a space"
    if "/" in text and not slash:
        return 'contains "/", which separates groups in a path'
    if len(unicodedata.normalize("NFC", text).encode()) > MAX_NAME_BYTES:
        return f"is longer than {MAX_NAME_BYTES} bytes"
    return ""


def id_problem(text: str) -> str:
    """Why `text` is no id of a group, monitor or alert; "" when it is one."""
    return "" if _ID.fullmatch(text) else "is not 1 to 64 letters, digits, dots, dashes and underscores"


def fold(name: str) -> str:
    """What two names must not share: NFC, then without case."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def nearest(word: object, names: Iterable[str]) -> str:
    """`Did you mean 'x'?` for the closest of `names`, else ""."""
    if not isinstance(word, str):
        return ""
    by_fold = {fold(name): name for name in names}
    found = difflib.get_close_matches(fold(word)[:200], by_fold, n=1, cutoff=0.6)
    return f"Did you mean '{by_fold[found[0]]}'?" if found else ""


def refuse(problems: Iterable[Problem], what: str, where: str) -> ConfigInvalid:
    """The one error that carries all problems, by file and line."""
    ordered = sorted(problems, key=lambda p: (p.file, p.line))
    count = len(ordered)
    first = ordered[0]
    kept = tuple(ordered[:MAX_PROBLEMS])
    if count > MAX_PROBLEMS:
        kept += (Problem(file=where, what=f"… and {count - MAX_PROBLEMS} more problems"),)
    more = f" and {count - 1} more" if count > 1 else ""
    return ConfigInvalid(f"{what}: {first.what}{more}", where=first.where, hint=first.hint, problems=kept)


def _kind(value: object) -> str:
    kinds = {bool: "true or false", str: "a text", int: "a number", float: "a number", list: "a list", dict: "a table"}
    return kinds.get(type(value), "a date or time")


def _shown(value: object) -> str:
    return f"'{value}'" if isinstance(value, str) else _kind(value)
