"""How a state is written: a glyph, its word and a tone. Glyph and word say it all without colour."""

from __future__ import annotations

from typing import Literal

import msgspec

Tone = Literal["good", "warning", "error", "nodata", "quiet", "acting", "stale", ""]
"""What a surface turns into a colour."""


class StateWord(msgspec.Struct, frozen=True):
    """One state. Both glyphs take one column; `plain` is for terminals without UTF-8."""

    glyph: str
    plain: str
    tone: Tone


_GOOD = StateWord("\u2713", "+", "good")
_WARNING = StateWord("!", "!", "warning")
_BAD = StateWord("\u2717", "x", "error")
_OPEN = StateWord("?", "?", "nodata")
_OFF = StateWord("-", "-", "quiet")
_SOON = StateWord("~", "~", "warning")
_FORTH = StateWord(">", ">", "acting")
_BACK = StateWord("<", "<", "acting")

STATE_WORDS: dict[str, StateWord] = {
    "good": _GOOD,
    "warning": _WARNING,
    "error": _BAD,
    "bad": _BAD,
    "nodata": _OPEN,
    "unknown": _OPEN,
    "stale": StateWord("%", "%", "stale"),
    "disabled": _OFF,
    "suspended": _OFF,
    "waiting": StateWord("~", "~", "quiet"),
    "running": _GOOD,
    "yielded": _OFF,
    "boot_check": _SOON,
    "stopping": _SOON,
    "standby": _GOOD,
    "suspect": _WARNING,
    "grace": _WARNING,
    "announced": _SOON,
    "activating": _FORTH,
    "active": _FORTH,
    "recovering": _BACK,
    "handback": _BACK,
    "unprotected": _BAD,
    "fault": _BAD,
    "frozen": _BAD,
    "isolated": _WARNING,
    "unverifiable": _WARNING,
    "hold": _WARNING,
    "flap_lock": _WARNING,
    "fit": _GOOD,
    "unfit": _BAD,
    "verified": _GOOD,
    "accepted": _GOOD,
    "pending": _WARNING,
}
_UNKNOWN = StateWord("?", "?", "")


def state_word(state: str) -> StateWord:
    """How `state` is written; a word that nobody knows gets a question mark."""
    return STATE_WORDS.get(state, _UNKNOWN)
