"""State words: a glyph, the word, and a colour when the terminal takes one. The glyph and the word say it all without it."""

from __future__ import annotations

import msgspec

_GOOD, _WARN, _BAD, _QUIET, _ACT = "32", "33", "31", "2", "36"

# word -> (glyph, glyph for terminals without UTF-8, ANSI colour); all glyphs take one column in every locale
_STATES: dict[str, tuple[str, str, str]] = {
    "good": ("\u2713", "+", _GOOD),
    "warning": ("!", "!", _WARN),
    "error": ("\u2717", "x", _BAD),
    "bad": ("\u2717", "x", _BAD),
    "nodata": ("?", "?", _WARN),
    "unknown": ("?", "?", _WARN),
    "disabled": ("-", "-", _QUIET),
    "suspended": ("-", "-", _QUIET),
    "waiting": ("~", "~", _QUIET),
    "running": ("\u2713", "+", _GOOD),
    "yielded": ("-", "-", _QUIET),
    "boot_check": ("~", "~", _WARN),
    "stopping": ("~", "~", _WARN),
    "standby": ("\u2713", "+", _GOOD),
    "suspect": ("!", "!", _WARN),
    "grace": ("!", "!", _WARN),
    "announced": ("~", "~", _WARN),
    "activating": (">", ">", _ACT),
    "active": (">", ">", _ACT),
    "recovering": ("<", "<", _ACT),
    "handback": ("<", "<", _ACT),
    "unprotected": ("\u2717", "x", _BAD),
    "fault": ("\u2717", "x", _BAD),
    "frozen": ("\u2717", "x", _BAD),
    "isolated": ("!", "!", _WARN),
    "unverifiable": ("!", "!", _WARN),
    "fit": ("\u2713", "+", _GOOD),
    "unfit": ("\u2717", "x", _BAD),
    "verified": ("\u2713", "+", _GOOD),
    "accepted": ("\u2713", "+", _GOOD),
    "pending": ("!", "!", _WARN),
}


class Paint(msgspec.Struct, frozen=True, kw_only=True):
    """How states are shown on one output."""

    colour: bool = False
    utf8: bool = True

    def word(self, state: str) -> str:
        """Glyph and word: `\u2713 good`."""
        glyph, plain, _ = _STATES.get(state, ("?", "?", ""))
        return f"{glyph if self.utf8 else plain} {state}"

    def tint(self, state: str, text: str) -> str:
        """`text` in the colour of `state`, when there is colour."""
        colour = _STATES.get(state, ("", "", ""))[2]
        return f"\x1b[{colour}m{text}\x1b[0m" if self.colour and colour else text

    def state(self, state: str) -> str:
        """Glyph and word in colour."""
        return self.tint(state, self.word(state))
