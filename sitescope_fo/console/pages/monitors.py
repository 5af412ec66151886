"""The monitors: problems first, filtered as one types, repainted only where something changed."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Input, Static

from sitescope_fo.console.keys import bindings_of
from sitescope_fo.console.page import WIDE
from sitescope_fo.console.pages.monitor_edit import EditsMonitors
from sitescope_fo.console.view import monitors as view
from sitescope_fo.console.view.board import SORTS, Key
from sitescope_fo.console.view.filter import parse_filter
from sitescope_fo.console.view.tree import ALL, Place, TreeRows
from sitescope_fo.console.view.units import value_of
from sitescope_fo.console.widgets.bars import content_of, say
from sitescope_fo.console.widgets.log_tail import LogTail
from sitescope_fo.console.widgets.table import Column, Table
from sitescope_fo.model.errors import SiteScopeError
from sitescope_fo.model.snapshot import MonitorRow
from sitescope_fo.model.width import clean

COLUMNS = (
    Column("state", 13),
    Column("name", 18, flex=3),
    Column("value", 9, right=True),
    Column("age", 4, right=True),
    Column("next", 5, right=True),
    Column("group", 12, flex=2, path=True, from_width=66),
    Column("what it says", 16, flex=4, from_width=110),
)
TREE_COLUMNS = (Column("group", 12, flex=1), Column("bad", 6, right=True), Column("all", 5, right=True))
TREE_WIDTH = 30
FORM_WIDTH = 40
"""The short form beside the table; it comes when the table keeps `TABLE_LEAST` columns."""
TABLE_LEAST = 60
AGES_EVERY_S = 1.0


class Monitors(EditsMonitors):
    """See the module."""

    scope: ClassVar[str] = "monitors"
    BINDINGS = bindings_of("monitors")

    def __init__(self) -> None:
        super().__init__()
        self._cursor: Key | None = None
        self._order: list[Key] = []
        self._folded: set[Place] = set()
        self._branches: object = None
        self._tree_wanted: bool | None = None
        """What somebody chose; None: as the width says."""
        self._wrong = ""
        self._aged_at = 0.0

    def compose_body(self) -> ComposeResult:
        """Tree, filter, a line that says what is shown, the table, its short form, the log's last lines."""
        with Horizontal():
            tree = Table(TREE_COLUMNS, id="tree")
            tree.add_class("side")
            yield tree
            with Vertical(id="list"):
                yield Input(placeholder="words  !not  state:error  type:url  group:shop  re:^web", id="filter", compact=True)
                yield Static("", id="shown", classes="note", markup=False)
                yield Table(COLUMNS, self._rows(), id="monitors")
                yield LogTail("", id="tail", markup=False)
            yield Static("", id="form", markup=False)

    def on_mount(self) -> None:
        """The keys go to the table."""
        self._lay_out()
        self.table.focus()
        self.news()

    def on_resize(self) -> None:
        """Another size, other panes."""
        super().on_resize()
        self._lay_out()

    @property
    def table(self) -> Table:
        """The monitors."""
        return self.query_one("#monitors", Table)

    @property
    def group_tree(self) -> Table:
        """The groups."""
        return self.query_one("#tree", Table)

    @property
    def tree_open(self) -> bool:
        """The tree is shown."""
        return self.size.width >= WIDE if self._tree_wanted is None else self._tree_wanted

    def _lay_out(self) -> None:
        wide = self.size.width >= WIDE
        self.group_tree.set_class(self.tree_open, "-open")
        self.query_one("#list").set_class(self.tree_open and not wide, "hidden")
        left = self.size.width - (TREE_WIDTH if self.tree_open else 0)
        self.query_one("#form").set_class(wide and left - FORM_WIDTH >= TABLE_LEAST, "-open")
        self.query_one("#tail").styles.height = max(4, self.size.height // 8)

    # --- news -------------------------------------------------------------------------------------------------------

    def news(self) -> None:
        """Cells that say something else, or the order when that changed."""
        board, table = self.feed.board, self.table
        if board.profile != self.console.profile:
            board.narrow(profile=self.console.profile, place=ALL)
        table.source = self._rows()
        touched, at = board.drain(), self.feed.steady()
        self._say()
        if board.shown is not self._order:
            self._order = board.shown
            found = board.index_of(self._cursor) if self._cursor is not None else None
            with table.prevent(Table.Moved):
                table.renew()
                table.cursor = found if found is not None else table.cursor
        elif at - self._aged_at >= AGES_EVERY_S:
            self._aged_at = at
            table.freshen()
        elif touched:
            table.freshen([index for index in table.on_screen() if board.shown[index] in touched])
        if self.tree_open:
            self._grow()
        self._show_form()
        self.query_one(LogTail).follow()

    def _rows(self) -> view.BoardRows:
        return view.BoardRows(self.feed.board, self.wording, self.console.now(), self.feed.units)

    def _say(self) -> None:
        feed, table = self.feed, self.table
        text = self._wrong or view.summary(feed.board)
        shown = self.query_one("#shown", Static)
        if shown.content != text:
            shown.update(text, layout=False)
            shown.set_class(bool(self._wrong), "-wrong")
        if not feed.board.shown:
            empty = view.empty_text(feed.board, self.status, feed.trouble, self._key_of, loaded=feed.loaded)
            if empty != table.empty:
                table.empty = empty
                table.refresh()

    def _key_of(self, action: str) -> str:
        return self.console.key_of(action) if action in self.console.actions else "n"

    def _grow(self) -> None:
        """The tree: its lines when groups came or were folded, else the counts."""
        groups, tree = self.feed.board.groups, self.group_tree
        mark = groups.shape, frozenset(self._folded), self.console.profile, self.wording
        if mark == self._branches:
            tree.freshen()
            return
        self._branches = mark
        tree.source = TreeRows(groups, groups.branches(self._folded, self.console.profile), self.wording)
        with tree.prevent(Table.Moved):
            tree.cursor = next(
                (at for at, branch in enumerate(tree.source.branches) if branch.place == self.feed.board.place), tree.cursor
            )
            tree.renew()

    def _show_form(self) -> None:
        pane = self.query_one("#form", Static)
        if not pane.has_class("-open"):
            return
        row = self.row()
        lines = view.short_form(row, self.feed.units, self.wording, self.console.now(), FORM_WIDTH - 3) if row is not None else []
        text = Content("\n").join(content_of(line) for line in lines)
        say(pane, text)

    # --- cursors ----------------------------------------------------------------------------------------------------

    def on_table_moved(self, event: Table.Moved) -> None:
        """The cursor stays on its monitor, whatever the order does; in the tree it narrows the table."""
        if event.table is self.group_tree:
            self._enter(self._place_at(event.index))
            return
        shown = self.feed.board.shown
        self._cursor = shown[event.index] if event.index < len(shown) else None
        self._show_form()
        self.show_bars()

    def on_table_opened(self, event: Table.Opened) -> None:
        """Enter opens the monitor; in the tree it goes to the monitors of the group."""
        if event.table is self.table:
            self.call_later(self.action_do, "monitors.details")
            return
        self._enter(self._place_at(event.index))
        if self.size.width < WIDE:
            self._tree_wanted = False
            self._lay_out()
        self.table.focus()

    def _place_at(self, index: int) -> Place:
        source = self.group_tree.source
        return source.branches[index].place if isinstance(source, TreeRows) and index < len(source) else ALL

    def _enter(self, place: Place) -> None:
        if place == self.feed.board.place:
            return
        self.feed.board.narrow(place=place)
        self._cursor = None
        self.table.cursor = 0
        self.news()

    def row(self) -> MonitorRow | None:
        """The monitor under the cursor."""
        return self.feed.board.at(self.table.cursor)

    def copied(self) -> str:
        """See `Page`."""
        row = self.row()
        return f"{row.path}\t{row.status}\t{value_of(row, self.feed.units)}\t{clean(row.state_string)}" if row is not None else ""

    def step_back(self) -> bool:
        """Filter, then tree over the list, then group, then what is unhandled: one at a time."""
        board, box = self.feed.board, self.query_one("#filter", Input)
        if box.value or box.has_class("-open"):
            box.clear()
            self._close_filter()
        elif self.tree_open and self.size.width < WIDE:
            self.do_tree()
        elif board.place != ALL:
            self._enter(ALL)
            self._branches = None
            self._grow()
        elif board.unhandled:
            self.do_unhandled()
        else:
            return False
        return True

    # --- actions ----------------------------------------------------------------------------------------------------

    def do_filter(self) -> None:
        """Opens the filter line."""
        box = self.query_one("#filter", Input)
        box.add_class("-open")
        self.set_focus(box)  # at once: what is typed on without a pause belongs into it

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filters while one types; what cannot be understood is said, and the list stays."""
        self._wrong = ""
        try:
            self.feed.board.narrow(filter=parse_filter(event.value))
        except SiteScopeError as error:
            self._wrong = f"{error.what}. {error.hint}"
        self.news()

    def on_input_submitted(self) -> None:
        """Back to the table; the filter stays."""
        if self.query_one("#filter", Input).value:
            self.table.focus()
        else:
            self._close_filter()

    def _close_filter(self) -> None:
        self.query_one("#filter").remove_class("-open")
        self.table.focus()

    def do_unhandled(self) -> None:
        """Only problems that nobody has acknowledged or planned, or all again."""
        self.feed.board.narrow(unhandled=not self.feed.board.unhandled)
        self.news()

    def do_sort(self) -> None:
        """The next order."""
        board = self.feed.board
        board.narrow(sort=SORTS[(SORTS.index(board.sort) + 1) % len(SORTS)])
        self.news()

    def do_tree(self) -> None:
        """Opens the tree and goes into it, or closes it."""
        self._tree_wanted = not self.tree_open
        self._lay_out()
        if self._tree_wanted:
            self._branches = None
            self._grow()
            self.group_tree.focus()
        else:
            self.table.focus()

    def do_fold(self) -> None:
        """Folds the group, or goes to the one it lies in."""
        source, at = self.group_tree.source, self.group_tree.cursor
        if not isinstance(source, TreeRows) or not self.group_tree.has_focus:
            return
        branch = source.branches[at]
        if branch.parent and branch.depth and not branch.folded:
            self._folded.add(branch.place)
            self._grow()
        else:
            above = (up for up in range(at - 1, -1, -1) if source.branches[up].depth < branch.depth)
            self.group_tree.cursor = next(above, 0)

    def do_unfold(self) -> None:
        """Unfolds the group."""
        if self.group_tree.has_focus:
            self._folded.discard(self._place_at(self.group_tree.cursor))
            self._grow()

    def do_details(self) -> None:
        """Opens the page of the monitor."""
        from sitescope_fo.console.pages.monitor import Monitor

        if (row := self.row()) is not None:
            self.app.push_screen(Monitor(row))
