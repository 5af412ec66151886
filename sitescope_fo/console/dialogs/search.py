"""One of many: type to search, Enter takes it."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.events import Key
from textual.widgets import Input

from sitescope_fo.console.dialogs.dialog import Dialog
from sitescope_fo.console.view.said import Cell
from sitescope_fo.console.widgets.table import Column, Rows, Table

_STEPS = {"down": "down", "up": "up", "pagedown": "page_down", "pageup": "page_up"}


class Search(Dialog[str]):
    """Ends with the name chosen, None when nothing was. `rows` are names with a sentence each, which may be ""."""

    def __init__(self, heading: str, rows: Sequence[tuple[str, str]]) -> None:
        super().__init__()
        self.heading = heading
        self._all = tuple(rows)
        self._found: list[str] = []

    def compose_body(self) -> ComposeResult:
        """A search field and the list."""
        yield Input(placeholder="type to search", id="search", compact=True)
        width = min(40, max((len(name) for name, _ in self._all), default=0) + 1)
        named = any(words for _, words in self._all)
        columns = (Column("name", width), Column("what it is", 20, flex=1)) if named else (Column("name", 20, flex=1, path=True),)
        yield Table(columns, empty="Nothing fits", id="found")

    def on_mount(self) -> None:
        """All of it."""
        self._search("")
        self.query_one("#found").styles.height = min(len(self._all), 16) + 1
        self.query_one(Input).focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """What fits."""
        self._search(event.value)

    def _search(self, text: str) -> None:
        words = text.casefold().split()
        found = [(name, said) for name, said in self._all if all(word in f"{name} {said}".casefold() for word in words)]
        self._found = [name for name, _ in found]
        table = self.query_one(Table)
        table.source = Rows([(Cell(name, "acting"), Cell(said)) if said else (Cell(name), Cell("")) for name, said in found])
        table.cursor = 0
        table.renew()

    def on_key(self, event: Key) -> None:
        """Arrows move in the list while the search field has the keys."""
        table = self.query_one(Table)
        if event.key in _STEPS and not table.has_focus:
            event.stop()
            table.action_do(f"table.{_STEPS[event.key]}")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """The row under the cursor."""
        event.stop()
        self._take(self.query_one(Table).cursor)

    def on_table_opened(self, event: Table.Opened) -> None:
        """The row that was opened."""
        self._take(event.index)

    def _take(self, index: int) -> None:
        if index < len(self._found):
            self.dismiss(self._found[index])
