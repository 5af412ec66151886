"""The title bar above a page, the names of the pages below it, and the bar of keys at the bottom."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.geometry import Region
from textual.style import Style
from textual.widget import Widget
from textual.widgets import Static

from sitescope_fo.console.view.said import Cell


def content_of(cells: Sequence[Cell]) -> Content:
    """Cells as text in the colours of their tones."""
    return Content.assemble(*((cell.text, f"${_COLOURS[cell.tone]}") if cell.tone else cell.text for cell in cells))


def say(widget: Static, text: Content, *, layout: bool = False) -> None:
    """Shows `text` when it is another one or in other colours (two contents are equal when their letters are).

    `layout`: the widget is as high as its text.
    """
    before = widget.content
    if isinstance(before, Content) and same(before, text):
        return
    grown = layout and (not isinstance(before, Content) or before.plain.count("\n") != text.plain.count("\n"))
    widget.update(text, layout=grown or (layout and not widget.size.height))


def same(one: Content, other: Content) -> bool:
    """The same letters in the same colours."""
    return one.plain == other.plain and one.spans == other.spans


_COLOURS = {
    "good": "state-good",
    "warning": "state-warning",
    "error": "state-error",
    "nodata": "state-nodata",
    "quiet": "state-disabled",
    "acting": "role-acting",
    "stale": "state-stale",
}


class TitleBar(Widget):
    """One line: the node and its state on the left, the clock on the right. Only what changed is painted."""

    content = Content("")
    """What it says."""
    _said: tuple[tuple[Cell, ...], int] | None = None

    def show(self, left: Sequence[Cell], right: Cell) -> None:
        """What it says now."""
        said = (tuple(left), self.content_size.width)
        text, clock = content_of(left), content_of((right,))
        room = max(0, said[1] - clock.cell_length)
        whole = text.truncate(room, ellipsis=False).pad_right(max(0, room - text.cell_length)) + clock
        if same(whole, self.content):
            return
        only_clock, self._said, self.content = self._said == said, said, whole
        if only_clock:
            self.refresh(Region(room, 0, clock.cell_length, 1))
        else:
            self.refresh()

    def render(self) -> Content:
        """The line."""
        return self.content


class PageNames(Static):
    """`1 Monitors  2 Failover …` with the page that is shown marked."""

    def show(self, names: Sequence[tuple[str, str, str]], current: str) -> None:
        """(action id, key, name) of each page, and the name of the one shown."""
        parts = []
        for action, key, name in names:
            style = "reverse bold" if name == current else "$state-disabled"
            parts.append(_clickable(Content.assemble((f" {key} {name} ", style)), action))
        say(self, Content("").join(parts))


class KeyBar(Static):
    """The keys of a page, at most seven, those that matter most longest."""

    def show(self, keys: Sequence[tuple[str, str, str, bool]]) -> None:
        """(action id, key, name, possible) of each, in order."""
        parts = []
        for action, key, name, possible in keys:
            style = "" if possible else "$state-disabled"
            text = Content.assemble((f" {key} ", "bold $secondary" if possible else style), (f"{name} ", style))
            parts.append(_clickable(text, action))
        say(self, Content("").join(parts))


def _clickable(text: Content, action: str) -> Content:
    return text.stylize(Style.from_meta({"@click": f"screen.do('{action}')"}))
