"""The title bar above a page, the names of the pages below it, and the bar of keys at the bottom."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.style import Style
from textual.widgets import Static

from sitescope_fo.console.view.said import Cell


def content_of(cells: Sequence[Cell]) -> Content:
    """Cells as text in the colours of their tones."""
    return Content.assemble(*((cell.text, f"${_COLOURS[cell.tone]}") if cell.tone else cell.text for cell in cells))


_COLOURS = {
    "good": "state-good",
    "warning": "state-warning",
    "error": "state-error",
    "nodata": "state-nodata",
    "quiet": "state-disabled",
    "acting": "role-acting",
    "stale": "state-stale",
}


class TitleBar(Static):
    """One line: the node and its state on the left, the clock on the right. Repainted only when it says something else."""

    _said: object = None

    def show(self, left: Sequence[Cell], right: Cell) -> None:
        """What it says now."""
        said = (tuple(left), right, self.size.width)
        if said == self._said:
            return
        self._said = said
        text, clock = content_of(left), content_of((right,))
        room = max(0, self.content_size.width - clock.cell_length)
        self.update(text.truncate(room, ellipsis=False).pad_right(max(0, room - text.cell_length)) + clock)


class PageNames(Static):
    """`1 Monitors  2 Failover …` with the page that is shown marked."""

    def show(self, names: Sequence[tuple[str, str, str]], current: str) -> None:
        """(action id, key, name) of each page, and the name of the one shown."""
        parts = []
        for action, key, name in names:
            style = "reverse bold" if name == current else "$state-disabled"
            parts.append(_clickable(Content.assemble((f" {key} {name} ", style)), action))
        self.update(Content("").join(parts))


class KeyBar(Static):
    """The keys of a page, at most seven, those that matter most longest."""

    def show(self, keys: Sequence[tuple[str, str, str, bool]]) -> None:
        """(action id, key, name, possible) of each, in order."""
        parts = []
        for action, key, name, possible in keys:
            style = "" if possible else "$state-disabled"
            text = Content.assemble((f" {key} ", "bold $secondary" if possible else style), (f"{name} ", style))
            parts.append(_clickable(text, action))
        self.update(Content("").join(parts))


def _clickable(text: Content, action: str) -> Content:
    return text.stylize(Style.from_meta({"@click": f"screen.do('{action}')"}))
