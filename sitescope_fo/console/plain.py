"""Lines for terminals that show less: letters of ASCII only, and no colour.

Everything on the screen passes here last, the toolkit's borders and scroll bars and what monitored hosts say as well, so a
terminal without UTF-8 never gets a byte above 127 and `NO_COLOR` never a colour.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from functools import lru_cache

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter

_STAND_INS = {
    letter: plain
    for plain, letters in {
        "-": "\u2500\u2501\u2504\u2505\u2508\u2509\u254c\u254d\u2550\u2574\u2576\u2578\u257a\u257c\u257e\u2580\u2594\u2013\u2014",
        "|": "\u2502\u2503\u2506\u2507\u250a\u250b\u254e\u254f\u2551\u2575\u2577\u2579\u257b\u257d\u257f"
        "\u2589\u258a\u258b\u258c\u258d\u258e\u258f\u2590\u2595",
        "_": "\u2581",
        " ": "\u2582\u2583\u2584\u2585\u2586\u2587",  # half-way ends of scroll bars: their ground shows
        "#": "\u2588\u2591\u2592\u2593",
        "<": "\u2190\u25c0\u25c2",
        ">": "\u2192\u25b6\u25b8",
        "^": "\u2191\u25b2\u25b4",
        "v": "\u2193\u25bc\u25be",
        "+": "\u2713\u2714",
        "x": "\u2717\u2718\u00d7",
        ".": "\u2026\u00b7",
        "*": "\u2022\u25cf",
        "o": "\u25cb",
        "'": "\u2018\u2019",
        '"': "\u201c\u201d\u201e",
        "/": "\u2571",
        "\\": "\u2572",
    }.items()
    for letter in letters
}


def plain_text(text: str) -> str:
    """`text` in ASCII, as wide as before: accents go, and what has no likeness becomes `?`."""
    return text if text.isascii() else "".join(map(_plain, text))


@lru_cache(2048)
def _plain(letter: str) -> str:
    if letter.isascii():
        return letter
    if letter in _STAND_INS:
        return _STAND_INS[letter]
    if "\u2500" <= letter <= "\u257f":  # corners and crossings
        return "+"
    if "\u2800" <= letter <= "\u28ff":  # braille, of which plots are drawn
        return "*"
    width = cell_len(letter)
    alike = unicodedata.normalize("NFKD", letter).encode("ascii", "ignore").decode()
    return alike if len(alike) == width else "?" * width


class PlainLetters(LineFilter):
    """Lines in ASCII."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """See the base."""
        return [Segment(plain_text(text), style, control) for text, style, control in segments]


class NoColours(LineFilter):
    """Lines without any colour, also without grey: bold, underline and reverse stay.

    The toolkit's own filter for `NO_COLOR` paints in shades of grey.
    """

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """See the base."""
        return [Segment(text, _colourless(style) if style else style, control) for text, style, control in segments]


@lru_cache(1024)
def _colourless(style: Style) -> Style:
    return style.without_color


PLAIN_LETTERS = PlainLetters()
NO_COLOURS = NoColours()


def no_colour(environ: Mapping[str, str]) -> bool:
    """Whether `NO_COLOR` is set, to anything but nothing (no-color.org)."""
    return bool(environ.get("NO_COLOR"))
