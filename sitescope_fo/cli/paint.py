"""State words on a terminal: a glyph, the word, and a colour when the terminal takes one."""

from __future__ import annotations

import msgspec

from sitescope_fo.model.state_word import Tone, state_word

_ANSI: dict[Tone, str] = {
    "good": "32",
    "warning": "33",
    "error": "31",
    "nodata": "33",
    "stale": "33",
    "quiet": "2",
    "acting": "36",
}


class Paint(msgspec.Struct, frozen=True, kw_only=True):
    """How states are shown on one output."""

    colour: bool = False
    utf8: bool = True

    def word(self, state: str) -> str:
        """Glyph and word: `\u2713 good`."""
        shown = state_word(state)
        return f"{shown.glyph if self.utf8 else shown.plain} {state}"

    def tint(self, state: str, text: str) -> str:
        """`text` in the colour of `state`, when there is colour."""
        colour = _ANSI.get(state_word(state).tone, "")
        return f"\x1b[{colour}m{text}\x1b[0m" if self.colour and colour else text

    def state(self, state: str) -> str:
        """Glyph and word in colour."""
        return self.tint(state, self.word(state))
