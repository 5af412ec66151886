"""Text as a terminal shows it: cells instead of characters, and nothing in it that the terminal would obey."""

from __future__ import annotations

import unicodedata

_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_LINE_ENDS = frozenset("\n\r\u2028\u2029\x0b\x0c\x85")
ELLIPSIS = "\u2026"


def clean(text: str, *, keep: str = "") -> str:
    """`text` on one line, without control characters (but those in `keep`) and without marks that turn the writing direction.

    State strings and error texts may come from a monitored host; what reaches the terminal must not be an escape sequence.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(letter if letter in keep else _shown(letter) for letter in text)


def _shown(letter: str) -> str:
    if letter in _LINE_ENDS or letter == "\t":
        return " "
    if letter in _BIDI or unicodedata.category(letter) in {"Cc", "Cs"}:
        return "?"
    return letter


def cells(text: str) -> int:
    """How many terminal columns `text` takes: wide East Asian letters take two, combining marks none."""
    return len(text) if text.isascii() else sum(map(_cells_of, text))


def _cells_of(letter: str) -> int:
    if unicodedata.combining(letter) or unicodedata.category(letter) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1


def fit(text: str, most: int) -> str:
    """`text` cut to at most `most` columns; what was cut shows as an ellipsis."""
    if cells(text) <= most:
        return text
    if most <= 0:
        return ""
    kept, taken = [], 0
    for letter in text:
        taken += _cells_of(letter)
        if taken > most - 1:
            break
        kept.append(letter)
    return "".join(kept) + ELLIPSIS


def wrap(text: str, size: int, lines: int) -> list[str]:
    """`text` in at most `lines` lines of `size` columns, broken between words; the last one is cut to fit."""
    parts: list[str] = []
    rest = text
    while cells(rest) > size and len(parts) < lines - 1:
        taken = len(fit(rest, size + 1)) - 1
        end = rest.rfind(" ", 0, taken + 1)
        if end <= 0:
            break
        parts.append(rest[:end].rstrip())
        rest = rest[end:].lstrip()
    return [*parts, fit(rest, size)]


def pad(text: str, size: int, *, right: bool = False) -> str:
    """`text` filled with blanks to `size` columns; on its left when `right`."""
    gap = " " * max(0, size - cells(text))
    return gap + text if right else text + gap
