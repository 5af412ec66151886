"""A table on the line API: it holds no rows, asks for those it paints, and repaints only what was touched and can be seen.

10,000 rows in Textual's own DataTable take seconds to the first paint and a tenth of a core to keep up (measured on a prototype);
this one takes what the visible lines cost.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from sitescope_fo.console.keys import bindings_of
from sitescope_fo.console.view.said import Cell
from sitescope_fo.model.width import ELLIPSIS, fit, pad
from sitescope_fo.model.width import cells as width_of

TONES = ("good", "warning", "error", "nodata", "quiet", "acting", "stale")
_MARK = 1
"""Columns before the first one: where the cursor's mark stands, for terminals without colour."""


class Source(Protocol):
    """The rows of a table."""

    def __len__(self) -> int:
        """How many there are."""
        ...

    def cells(self, index: int) -> Sequence[Cell]:
        """One cell a column."""
        ...


@dataclass(frozen=True, slots=True)
class Column:
    """One column: `width` at least; what is left of the screen goes to those with `flex`."""

    title: str
    width: int
    flex: int = 0
    right: bool = False
    path: bool = False
    """Cut on its left: the end tells paths apart."""
    from_width: int = 0
    """Shown only when the table has that many columns."""


class Rows:
    """A source of rows that are already made: for short lists."""

    def __init__(self, rows: Sequence[Sequence[Cell]] = ()) -> None:
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def cells(self, index: int) -> Sequence[Cell]:
        """See `Source`."""
        return self.rows[index]


class Table(ScrollView, can_focus=True):
    """See the module. Posts `Opened` for Enter and double click, `Moved` when the cursor is on another row."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"table--head", "table--cursor", *(f"table--{tone}" for tone in TONES)}
    BINDINGS = bindings_of("table")
    cursor: reactive[int] = reactive(0, repaint=False)

    @dataclass
    class Opened(Message):
        """Enter was pressed on a row."""

        table: Table
        index: int

        @property
        def control(self) -> Table:
            """The table."""
            return self.table

    @dataclass
    class Moved(Message):
        """The cursor is on another row."""

        table: Table
        index: int

        @property
        def control(self) -> Table:
            """The table."""
            return self.table

    def __init__(
        self,
        columns: Sequence[Column],
        source: Source | None = None,
        *,
        empty: str = "",
        id: str | None = None,  # noqa: A002
    ) -> None:
        super().__init__(id=id)
        self._columns = tuple(columns)
        self.source: Source = source or Rows()
        self.empty = empty
        """What is said when there is no row."""
        self._laid: list[tuple[int, Column]] = []
        self._styles: dict[str, Style] = {}
        self._seen: dict[int, tuple[Cell, ...]] = {}
        """The cells of the rows on the screen as they were painted."""
        self._strips: dict[int, tuple[object, tuple[Cell, ...], Strip]] = {}
        self.painted = 0
        """Lines made since the start; for tests and benchmarks."""

    # --- data -------------------------------------------------------------------------------------------------------

    def on_mount(self) -> None:
        """Sizes the table."""
        self.renew()

    def renew(self) -> None:
        """The number or the order of the rows changed: what can be seen and says something else is painted."""
        laid = self._laid
        self._lay()
        self.virtual_size = Size(self.scrollable_content_region.width or 1, len(self.source) + 1)
        if self.cursor >= len(self.source):
            self.cursor = max(0, len(self.source) - 1)
        if not (self._seen and len(self.source)) or laid != self._laid:
            self._seen.clear()
            self._strips.clear()
            self.refresh()
            return
        gone = [index for index in self._seen if index >= len(self.source)]
        for index in gone:
            del self._seen[index]
        if gone:
            self.refresh(*(self._region(index) for index in gone if index >= self.scroll_offset.y))
        self.freshen()

    def set_columns(self, columns: Sequence[Column]) -> None:
        """Other columns; `renew` paints them."""
        self._columns = tuple(columns)

    def touch(self, indexes: Collection[int]) -> int:
        """Paints those of these rows that can be seen. Gives how many."""
        regions = [self._region(index) for index in indexes if index in self.on_screen()]
        if regions:
            self.refresh(*regions)
        return len(regions)

    def freshen(self, indexes: Collection[int] | None = None) -> int:
        """Paints the cells on the screen, or in these rows, that say something else than before. Gives how many."""
        regions: list[Region] = []
        shown = self.on_screen()
        if len(self._seen) > 4 * len(shown):
            self._seen = {index: self._seen[index] for index in shown if index in self._seen}
            self._strips = {index: self._strips[index] for index in shown if index in self._strips}
        for index in shown if indexes is None else indexes:
            seen = self._seen.get(index)
            found = self.source.cells(index)
            if seen is None:
                regions.append(self._region(index))
                continue
            x = _MARK
            for (size, _), at in zip(self._laid, self._at, strict=True):
                if found[at] != seen[at]:
                    regions.append(self._region(index, x, size))
                x += size + 1
        if regions:
            self.refresh(*regions)
        return len(regions)

    def _region(self, index: int, x: int = 0, width: int = 0) -> Region:
        return Region(x, index - self.scroll_offset.y + 1, width or self.size.width, 1)

    def on_screen(self) -> range:
        """The indexes of the rows on the screen."""
        first = self.scroll_offset.y
        return range(first, min(len(self.source), first + max(0, self.scrollable_content_region.height - 1)))

    def on_resize(self, event: events.Resize) -> None:
        """Another width, other columns; and the cursor stays in sight, also where it was put before there was room."""
        self.renew()
        self._to_cursor()

    def notify_style_update(self) -> None:
        """Another theme."""
        super().notify_style_update()
        self._styles.clear()
        self._strips.clear()

    def _lay(self) -> None:
        """Which columns there are and how wide."""
        width = max(1, self.size.width - _MARK - self.styles.scrollbar_size_vertical)
        columns = [column for column in self._columns if column.from_width <= width]
        spare = max(0, width - sum(column.width for column in columns) - max(0, len(columns) - 1))
        shares = sum(column.flex for column in columns) or 1
        self._laid = [(column.width + spare * column.flex // shares, column) for column in columns]
        self._at = [self._columns.index(column) for column in columns]

    # --- painting ---------------------------------------------------------------------------------------------------

    def _style(self, name: str) -> Style:
        style = self._styles.get(name)
        if style is None:
            style = self._styles[name] = self.get_component_rich_style(f"table--{name}") if name else self.rich_style
        return style

    def render_line(self, y: int) -> Strip:
        """One line of the screen."""
        width = self.size.width
        if y == 0:
            style = self._style("head")
            titles = [pad(fit(column.title, size), size, right=column.right) for size, column in self._laid]
            return Strip([Segment(" " + " ".join(titles), style)]).adjust_cell_length(width, style)
        index = y - 1 + self.scroll_offset.y
        if index >= len(self.source):
            text = f" {self.empty}" if index == 0 and self.empty else ""
            return Strip([Segment(fit(text, width), self._style("quiet"))]).adjust_cell_length(width, self._style(""))
        return self._row(index, width)

    def _row(self, index: int, width: int) -> Strip:
        """A line as it was made before while it says the same: when the list scrolls, all but one do."""
        self.painted += 1
        at_cursor = index == self.cursor
        mark = index, width, at_cursor, at_cursor and self.has_focus
        found = self._seen[index] = tuple(self.source.cells(index))
        kept = self._strips.get(index)
        if kept is None or kept[0] != mark or kept[1] != found:
            kept = self._strips[index] = mark, found, self._made(found, width, at_cursor=at_cursor)
        return kept[2]

    def _made(self, found: tuple[Cell, ...], width: int, *, at_cursor: bool) -> Strip:
        base = self._style("cursor") if at_cursor and self.has_focus else self._style("")
        run, run_style = ">" if at_cursor else " ", base
        segments: list[Segment] = []
        for (size, column), at in zip(self._laid, self._at, strict=True):
            cell = found[at]
            style = base if (at_cursor and self.has_focus) or not cell.tone else self._style(cell.tone)
            text = pad(_fit_end(cell.text, size) if column.path else fit(cell.text, size), size, right=column.right) + " "
            if style == run_style:
                run += text
            else:
                segments.append(Segment(run, run_style))
                run, run_style = text, style
        segments.append(Segment(run, run_style))
        return Strip(segments, width_of("".join(segment.text for segment in segments))).adjust_cell_length(width, base)

    # --- the cursor -------------------------------------------------------------------------------------------------

    def validate_cursor(self, value: int) -> int:
        """Stays on a row."""
        return max(0, min(len(self.source) - 1, value))

    def watch_cursor(self, old: int, new: int) -> None:
        """Scrolls to it and paints the two rows."""
        self._to_cursor()
        self.touch({old, new})
        self.post_message(self.Moved(self, new))

    def _to_cursor(self) -> None:
        height, first = self.scrollable_content_region.height - 1, self.scroll_offset.y
        if self.cursor < first:
            self.scroll_to(y=self.cursor, animate=False, immediate=True)
        elif height > 0 and self.cursor >= first + height:
            self.scroll_to(y=self.cursor - height + 1, animate=False, immediate=True)

    def on_focus(self) -> None:
        """The cursor's row is lit only where keys go."""
        self.touch({self.cursor})

    def on_blur(self) -> None:
        """See `on_focus`."""
        self.touch({self.cursor})

    def on_click(self, event: events.Click) -> None:
        """Puts the cursor on a row; a second click opens it."""
        index = event.y - 1 + self.scroll_offset.y
        if event.y == 0 or index >= len(self.source):
            return
        self.cursor = index
        if event.chain == 2:
            self.do_open()

    def action_do(self, action: str) -> None:
        """Carries out one of the `table` actions."""
        getattr(self, f"do_{action.partition('.')[2]}")()

    def do_down(self) -> None:
        """Next row."""
        self.cursor += 1

    def do_up(self) -> None:
        """Row before."""
        self.cursor -= 1

    def do_page_down(self) -> None:
        """A screen down."""
        self.cursor += max(1, self.scrollable_content_region.height - 1)

    def do_page_up(self) -> None:
        """A screen up."""
        self.cursor -= max(1, self.scrollable_content_region.height - 1)

    def do_top(self) -> None:
        """First row."""
        self.cursor = 0

    def do_bottom(self) -> None:
        """Last row."""
        self.cursor = len(self.source) - 1

    def do_open(self) -> None:
        """Tells the page."""
        if len(self.source):
            self.post_message(self.Opened(self, self.cursor))


def _fit_end(text: str, most: int) -> str:
    """The end of `text` in at most `most` columns."""
    return text if width_of(text) <= most else ELLIPSIS + fit(text[::-1], most).removesuffix(ELLIPSIS)[::-1]
