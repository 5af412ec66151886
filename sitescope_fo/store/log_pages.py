"""Pages of one log file, up and down from any place in it, with a filter; however large the file, a call reads little of it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import msgspec

from sitescope_fo.store.textlog import text_of

READ_AT_MOST = 4 * 1024 * 1024
"""Bytes of one call. A filter that finds nothing in them gives no line and the place to go on from."""
BLOCK = 64 * 1024
STAMP = 24
"""Characters of `2026-11-22T10:00:00.123Z`, with which every line begins; as text they are in the order of time."""
_STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


class Page(msgspec.Struct, frozen=True):
    """Lines and where each begins; what lies before `prev` and from `next` on was not looked at."""

    lines: list[str]
    offsets: list[int]
    prev: int
    next: int
    size: int


Wanted = Callable[[str], bool]


def forward(path: Path, start: int, limit: int, wanted: Wanted) -> Page:
    """At most `limit` wanted lines from the place `start` on. Raises OSError."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        begin = at = start if 0 <= start <= size else 0
        file.seek(at)
        lines, offsets = list[str](), list[int]()
        while len(lines) < limit and at - begin < READ_AT_MOST and (line := file.readline()).endswith(b"\n"):
            if wanted(text := text_of(line)):
                lines.append(text)
                offsets.append(at)
            at += len(line)
    return Page(lines, offsets, begin, at, size)


def backward(path: Path, before: int, limit: int, wanted: Wanted) -> Page:
    """The last `limit` wanted lines that begin before the place `before`. Raises OSError."""
    lines, offsets = list[str](), list[int]()
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        end = at = place = _behind_line(file, min(before, size))
        rest = b""
        while place > 0 and len(lines) < limit and end - place < READ_AT_MOST:
            step = min(BLOCK, place)
            place -= step
            file.seek(place)
            block = file.read(step) + rest
            first = block.find(b"\n") + 1 if place else 0
            rest = block[:first]
            for line in reversed(block[first:-1].split(b"\n") if len(block) > first else []):
                if len(lines) == limit:
                    break
                at -= len(line) + 1
                if wanted(text := text_of(line)):
                    lines.append(text)
                    offsets.append(at)
    return Page(lines[::-1], offsets[::-1], at, end, size)


def _behind_line(file: BinaryIO, place: int) -> int:
    """The end of the last whole line before a place: behind the last line there may be a piece of one."""
    start = max(0, place - BLOCK)
    file.seek(start)
    return start + file.read(place - start).rfind(b"\n") + 1


def place_at(path: Path, stamp: str) -> int:
    """Where the first line begins that is not older than `stamp`; the end when all are older. Raises OSError."""
    with path.open("rb") as file:
        low, high = 0, os.fstat(file.fileno()).st_size
        while low < high:
            middle = (low + high) // 2
            if _next_stamped(file, middle)[1] < stamp:
                low = middle + 1
            else:
                high = middle
        return _next_stamped(file, low)[0]


def _next_stamped(file: BinaryIO, place: int) -> tuple[int, str]:
    """Where the first line with a stamp begins at or after a place, and the stamp; the end has one after all others."""
    file.seek(max(0, place - 1))
    if place:
        file.readline()
    while True:
        begin = file.tell()
        line = file.readline()
        if not line.endswith(b"\n"):
            return begin, "~"
        if stamp := stamp_in(text_of(line)):
            return begin, stamp


def first_and_last(path: Path) -> tuple[str, str]:
    """The stamps of the first and the last line, "" for none. Raises OSError."""
    page = forward(path, 0, 1, lambda _: True)
    last = backward(path, page.size, 1, lambda _: True)
    return stamp_in(page.lines[0] if page.lines else ""), stamp_in(last.lines[0] if last.lines else "")


def stamp_in(line: str) -> str:
    """The stamp at the beginning of a line, "" when there is none."""
    stamp = line[:STAMP]
    return stamp if _STAMP.fullmatch(stamp) else ""
