"""A field of dots drawn with braille letters, two by four dots a letter; with one asterisk a letter on plain terminals."""

from __future__ import annotations

_BITS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
"""Of the dot in column x and row y of a letter (Unicode 2800)."""


class Canvas:
    """Dots by coordinates from the upper left corner; what lies outside is left out."""

    def __init__(self, width: int, height: int, *, plain: bool = False) -> None:
        self.width, self.height = width, height
        """In letters."""
        self._plain = plain
        self.across, self.down = (1, 1) if plain else (2, 4)
        """Dots a letter."""
        self._letters: dict[tuple[int, int], int] = {}

    @property
    def dots(self) -> tuple[int, int]:
        """Its size in dots."""
        return self.width * self.across, self.height * self.down

    def dot(self, x: int, y: int) -> None:
        """Sets one dot."""
        if not (0 <= x < self.width * self.across and 0 <= y < self.height * self.down):
            return
        at = x // self.across, y // self.down
        bit = 1 if self._plain else _BITS[x % 2][y % 4]
        self._letters[at] = self._letters.get(at, 0) | bit

    def line(self, x0: int, y0: int, x1: int, y1: int) -> None:
        """All dots from one to another (Bresenham)."""
        dx, dy = abs(x1 - x0), -abs(y1 - y0)
        step_x, step_y = 1 if x0 < x1 else -1, 1 if y0 < y1 else -1
        error = dx + dy
        while True:
            self.dot(x0, y0)
            if (x0, y0) == (x1, y1):
                return
            doubled = 2 * error
            if doubled >= dy:
                error += dy
                x0 += step_x
            if doubled <= dx:
                error += dx
                y0 += step_y

    def letter(self, column: int, row: int) -> str:
        """What stands there, "" for nothing."""
        bits = self._letters.get((column, row), 0)
        if not bits:
            return ""
        return "*" if self._plain else chr(0x2800 + bits)
