"""The words, signs, numbers and texts of a threshold expression, each with its column."""

from __future__ import annotations

import re
from typing import Literal

import msgspec

from sitescope_fo.model.errors import Usage

_TOKEN = re.compile(
    r"(?P<space>\s+)"
    r"|(?P<number>-?\d+(?:\.\d+)?(?:[^\W\d_]+(?:\d+(?:\.\d+)?[^\W\d_]+)*|%)?)"
    r"|(?P<word>[^\W\d]\w*)"
    r"|(?P<text>'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\")"
    r"|(?P<sign>==|!=|<=|>=|[<>()\[\],%])",
    re.ASCII,
)
_INSTEAD = {"=": "==", "&": "and", "|": "or", "!": "not", "~": "matches", "{": "("}
_DIGITS = 15
"""More digits than a float keeps are refused; it also bounds the work of reading a number."""

Kind = Literal["number", "word", "text", "sign", "end"]


class Token(msgspec.Struct, frozen=True):
    """One token; `column` counts from 1."""

    kind: Kind
    text: str
    column: int

    def number(self) -> tuple[str, str]:
        """The figure and what follows it directly. Raises Usage when the figure is too long."""
        figure = re.match(r"-?\d+(?:\.\d+)?", self.text, re.ASCII)
        digits = figure.group() if figure else ""
        if len(digits) > _DIGITS:
            raise refused(f"'{digits[:_DIGITS]}…' has too many digits", self.column)
        return digits, self.text[len(digits) :]

    def __str__(self) -> str:
        return "the end" if self.kind == "end" else f"'{self.text}'"


def refused(what: str, column: int, hint: str = "") -> Usage:
    """The error for a bad expression (`bad_threshold`) seen at a column."""
    return Usage(what, where=f"column {column}", hint=hint, code="bad_threshold")


def tokenize(text: str) -> list[Token]:
    """All tokens of `text` and an `end`. Raises Usage (`bad_threshold`)."""
    tokens: list[Token] = []
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise _unreadable(text, at)
        kind = found.lastgroup
        if kind != "space":
            tokens.append(Token(msgspec.convert(kind, Kind), found.group(), at + 1))
        at = found.end()
    return [*tokens, Token("end", "", len(text) + 1)]


def _unreadable(text: str, at: int) -> Usage:
    sign = text[at]
    if sign in "'\"":
        return refused(f"the text that starts with {sign} does not end", at + 1, "Close it with the same quote")
    hint = f"Did you mean '{_INSTEAD[sign]}'?" if sign in _INSTEAD else ""
    return refused(f"'{sign}' has no meaning here", at + 1, hint)
