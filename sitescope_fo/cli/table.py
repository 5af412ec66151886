"""Plain aligned tables, cut to the width of the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from sitescope_fo.cli.paint import Paint
from sitescope_fo.model.width import cells, clean, fit, pad

_GAP = 2
_NARROWEST = 8
UNLIMITED = 1_000_000


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """One column. A `state` column holds state words; a `flexible` one gives way when the terminal is narrow."""

    title: str
    right: bool = False
    state: bool = False
    flexible: bool = False


def table(columns: Sequence[Column], rows: Iterable[Sequence[str]], paint: Paint, width: int = UNLIMITED) -> Iterator[str]:
    """The lines of a table: a line of titles, then a line a row, none longer than `width` columns nor with blanks at its end."""
    shown = [[_shown(column, cell, paint) for column, cell in zip(columns, row, strict=True)] for row in rows]
    sizes = [max([cells(column.title), *(cells(row[place][0]) for row in shown)]) for place, column in enumerate(columns)]
    _shrink(columns, sizes, width)
    yield _line([pad(fit(c.title, size), size, right=c.right) for c, size in zip(columns, sizes, strict=True)], width)
    for row in shown:
        yield _painted(columns, sizes, row, paint, width)


def _shown(column: Column, cell: str, paint: Paint) -> tuple[str, str]:
    """What stands in a cell, and the state that colours it."""
    text = clean(cell)
    return (paint.word(text), text) if column.state and text else (text, "")


def _shrink(columns: Sequence[Column], sizes: list[int], width: int) -> None:
    """Takes from the widest flexible column until the line fits, down to a width where it still says something."""
    total = sum(sizes) + _GAP * (len(sizes) - 1)
    while total > width:
        flexible = [place for place, column in enumerate(columns) if column.flexible and sizes[place] > _NARROWEST]
        if not flexible:
            return
        widest = max(flexible, key=lambda place: sizes[place])
        others = [sizes[place] for place in flexible if place != widest]
        step = min(total - width, max(1, sizes[widest] - max([_NARROWEST, *others])))
        sizes[widest] -= step
        total -= step


def _painted(columns: Sequence[Column], sizes: Sequence[int], row: Sequence[tuple[str, str]], paint: Paint, width: int) -> str:
    plain = [pad(fit(text, size), size, right=c.right) for c, size, (text, _) in zip(columns, sizes, row, strict=True)]
    line = _line(plain, width)
    if not paint.colour or len(line) < len((" " * _GAP).join(plain).rstrip()):
        return line
    tinted = [paint.tint(state, text) for text, (_, state) in zip(plain, row, strict=True)]
    return (" " * _GAP).join(tinted).rstrip()


def _line(parts: Sequence[str], width: int) -> str:
    return fit((" " * _GAP).join(parts).rstrip(), width)
