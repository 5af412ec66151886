"""Plain text logs with rotation by size, and the one-line form of an event in high_availability.log."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from sitescope_fo.store.stamp import iso_millis

_BARE = re.compile(r"[A-Za-z0-9_.:/@+%-]+")
_SENTENCES = frozenset({"what", "where", "hint", "why", "evidence"})
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_CHUNK = 64 * 1024


class LogChunk(msgspec.Struct, frozen=True):
    """Whole lines and the offset at which reading goes on."""

    lines: tuple[str, ...]
    next: int


class TextLog:
    """One log file; older parts are `name.1`, `name.2` … up to `keep`. One writer, any readers."""

    def __init__(self, path: Path, max_bytes: int = 10 * 1024**2, keep: int = 5) -> None:
        self.path = path
        self.max_bytes = max_bytes
        self.keep = keep

    def append(self, lines: Iterable[str]) -> None:
        """Adds lines in one write at the end of the file, after rotating it when it would grow over `max_bytes`.

        Not fsynced: a power loss may take the last seconds, a killed process loses nothing. Raises OSError.
        """
        data = "".join(f"{line}\n" for line in lines).encode("utf-8", "replace")
        if not data:
            return
        fd = self._open()
        try:
            size = os.fstat(fd).st_size
            if size and size + len(data) > self.max_bytes:
                self._rotate()
                os.close(fd)
                fd = self._open()
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(fd, rest) :]
        finally:
            os.close(fd)

    def _open(self) -> int:
        return os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)

    def _rotate(self) -> None:
        for number in range(self.keep, 0, -1):
            source = self._part(number - 1)
            if source.exists():
                source.replace(self._part(number))
        if not self.keep:
            self.path.unlink()

    def _part(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}") if number else self.path

    def tail(self, count: int) -> LogChunk:
        """The last `count` whole lines, from older parts too when the newest is short. A log that is not there is empty."""
        lines: list[str] = []
        end = 0
        for number in range(self.keep + 1):
            found, size = _last_lines(self._part(number), count - len(lines))
            lines = found + lines
            if number == 0:
                end = size
            if len(lines) >= count:
                break
        return LogChunk(tuple(lines), end)

    def read(self, offset: int, limit: int = 1000) -> LogChunk:
        """At most `limit` whole lines from `offset` on (as given by an earlier chunk); from the start after a rotation."""
        try:
            with self.path.open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                place = offset if 0 <= offset <= size else 0
                file.seek(place)
                lines: list[str] = []
                while len(lines) < limit and (line := file.readline()).endswith(b"\n"):
                    lines.append(text_of(line))
                    place += len(line)
        except FileNotFoundError:
            return LogChunk((), 0)
        return LogChunk(tuple(lines), place)


def _last_lines(path: Path, count: int) -> tuple[list[str], int]:
    """The last whole lines of a file and the offset behind them, reading only its end."""
    try:
        with path.open("rb") as file:
            size = place = file.seek(0, os.SEEK_END)
            data = b""
            while place > 0 and data.count(b"\n") <= count:
                step = min(_CHUNK, place)
                place -= step
                file.seek(place)
                data = file.read(step) + data
    except FileNotFoundError:
        return [], 0
    whole, newline, torn = data.rpartition(b"\n")
    lines = whole.split(b"\n") if newline else []
    return [text_of(line) for line in lines[len(lines) - min(count, len(lines)) :]], size - len(torn)


def text_of(line: bytes) -> str:
    """A line of a log as text; bytes that are none are shown as such."""
    return line.decode("utf-8", "replace").rstrip("\n")


def event_line(wall: float, level: str, fields: Mapping[str, object]) -> str:
    """One event: `2026-11-22T10:00:00.123Z WARNING profile=prod event=mirror_failed term=3 what="…"`.

    Fields keep their order; None is left out. Sentences (what, where, hint, why, evidence) always stand in quotes, other
    values where they are no bare word; quotes, backslashes and control characters are escaped: an event is always one line.
    """
    shown = (f"{key}={_field(key, value)}" for key, value in fields.items() if value is not None)
    return " ".join((iso_millis(wall), level.upper(), *shown))


def _field(key: str, value: object) -> str:
    text = str(value).lower() if isinstance(value, bool) else f"{value:.6g}" if isinstance(value, float) else str(value)
    if key not in _SENTENCES and _BARE.fullmatch(text):
        return text
    return '"' + "".join(_ESCAPES.get(c) or (c if _prints(c) else f"\\u{ord(c):04x}") for c in text) + '"'


def _prints(char: str) -> bool:
    return char >= " " and char not in "\x7f\x85\u2028\u2029" and not "\ud800" <= char <= "\udfff"
