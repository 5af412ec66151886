"""The monitors: problems first, filtered as one types, repainted only where something changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Input, Static

from sitescope_fo.console.keys import bindings_of
from sitescope_fo.console.page import Page
from sitescope_fo.console.view.board import SORTS, Board, Key
from sitescope_fo.console.view.filter import parse_filter
from sitescope_fo.console.view.said import Cell, Wording, age, value_text
from sitescope_fo.console.widgets.table import Column, Table
from sitescope_fo.model.errors import SiteScopeError
from sitescope_fo.model.moment import wall_of
from sitescope_fo.model.snapshot import MonitorRow
from sitescope_fo.model.width import clean

COLUMNS = (
    Column("state", 10),
    Column("name", 18, flex=3),
    Column("value", 9, right=True),
    Column("age", 4, right=True),
    Column("next", 6, right=True, from_width=70),
    Column("group", 14, flex=2),
    Column("what it says", 16, flex=2, from_width=120),
)


class BoardRows:
    """The board as a source of table rows."""

    def __init__(self, board: Board, wording: Wording, now: float) -> None:
        self.board, self.wording, self.now = board, wording, now

    def __len__(self) -> int:
        return len(self.board.shown)

    def cells(self, index: int) -> Sequence[Cell]:
        """See `Source`."""
        row = self.board.at(index)
        if row is None:
            return [Cell("")] * len(COLUMNS)
        return (
            self._state(row),
            Cell(clean(row.name)),
            Cell(value_text(row.value)),
            Cell(age(row.last_run, self.now), "quiet"),
            Cell(self._next(row), "quiet"),
            Cell(clean(row.path.rpartition("/")[0]), "quiet"),
            Cell(clean(row.state_string), "quiet"),
        )

    def _state(self, row: MonitorRow) -> Cell:
        if row.waiting or row.suspended:
            return self.wording.state("waiting" if row.waiting else "suspended")
        shown = self.wording.state(row.status)
        return Cell(f"{shown.text} *", "quiet") if row.acknowledged else shown

    def _next(self, row: MonitorRow) -> str:
        wall = wall_of(row.next_run)
        if wall is None:
            return "-"
        return age(row.next_run, self.now).removeprefix("in ") if wall > self.now + 5 else "now"


class Monitors(Page):
    """See the module."""

    scope: ClassVar[str] = "monitors"
    BINDINGS = bindings_of("monitors")

    def __init__(self) -> None:
        super().__init__()
        self._cursor: Key | None = None
        self._order: list[Key] = []

    def compose_body(self) -> ComposeResult:
        """Filter, table, and a line that says what is shown."""
        yield Input(placeholder="words  !not  state:error  type:url  group:shop  re:^web", id="filter", compact=True)
        with Horizontal(), Vertical():
            yield Static("", id="shown", classes="note", markup=False)
            yield Table(COLUMNS, BoardRows(self.feed.board, self.wording, self.console.now()), id="monitors")

    def on_mount(self) -> None:
        """The keys go to the table."""
        self.query_one(Table).focus()
        self.news()

    # --- news -------------------------------------------------------------------------------------------------------

    def news(self) -> None:
        """Rows that changed, or the whole list when its order did."""
        board, table = self.feed.board, self.query_one(Table)
        table.source = BoardRows(board, self.wording, self.console.now())
        touched = board.drain()
        if board.shown is not self._order:
            self._order = board.shown
            at = board.index_of(self._cursor) if self._cursor is not None else None
            with table.prevent(Table.Moved):
                table.renew()
                table.cursor = at if at is not None else table.cursor
            self._say()
        elif touched:
            table.touch([index for index in table.on_screen() if board.shown[index] in touched])

    def _say(self) -> None:
        board = self.feed.board
        parts = [f"{len(board.shown)} of {len(board)} monitors", f"by {board.sort}"]
        parts += [f"filter {board.filter_text}"] if board.filter_text else []
        parts += ["unhandled problems only"] if board.unhandled else []
        self.query_one("#shown", Static).update(", ".join(parts))

    def on_table_moved(self, event: Table.Moved) -> None:
        """The cursor stays on its monitor, whatever the order does."""
        shown = self.feed.board.shown
        self._cursor = shown[event.index] if event.index < len(shown) else None

    def row(self) -> MonitorRow | None:
        """The monitor under the cursor."""
        return self.feed.board.at(self.query_one(Table).cursor)

    def copied(self) -> str:
        """See `Page`."""
        row = self.row()
        return f"{row.path}\t{row.status}\t{value_text(row.value)}\t{clean(row.state_string)}" if row is not None else ""

    # --- actions ----------------------------------------------------------------------------------------------------

    def do_filter(self) -> None:
        """Opens the filter line."""
        box = self.query_one("#filter", Input)
        box.add_class("-open")
        box.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filters while one types."""
        try:
            self.feed.board.narrow(filter=parse_filter(event.value))
        except SiteScopeError as error:
            self.query_one("#shown", Static).update(f"{error.what}. {error.hint}")
            return
        self.news()

    def on_input_submitted(self) -> None:
        """Back to the table; the filter stays."""
        self.query_one(Table).focus()
        if not self.feed.board.filter_text:
            self.query_one("#filter").remove_class("-open")

    def do_unhandled(self) -> None:
        """Only problems that nobody has acknowledged, or all again."""
        self.feed.board.narrow(unhandled=not self.feed.board.unhandled)
        self.news()

    def do_sort(self) -> None:
        """The next order."""
        board = self.feed.board
        board.narrow(sort=SORTS[(SORTS.index(board.sort) + 1) % len(SORTS)])
        self.news()
