"""Searchable help: every action with its key, from the one table. Enter does it."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.widgets import Input

from sitescope_fo.console.actions.action import Action
from sitescope_fo.console.actions.table import key_word
from sitescope_fo.console.dialogs.dialog import Dialog
from sitescope_fo.console.view.said import Cell
from sitescope_fo.console.widgets.table import Column, Rows, Table


class Help(Dialog[str]):
    """Ends with the id of the action to carry out, None for none."""

    heading = "Help: type to search, Enter does it"

    def __init__(self, actions: Sequence[Action], scope: str) -> None:
        super().__init__()
        order = {scope: 0, "everywhere": 1, "table": 2, "dialog": 3}
        self._scope = scope
        self._actions = sorted(actions, key=lambda action: order.get(action.scope, 9))
        self._found: list[Action] = []

    def compose_body(self) -> ComposeResult:
        """A search field and the list."""
        yield Input(placeholder="hold, filter, theme \u2026", id="search", compact=True)
        columns = (
            Column("key", 10),
            Column("action", 16),
            Column("where", 11, from_width=60),
            Column("what it does", 20, flex=1),
        )
        yield Table(columns, empty="Nothing fits", id="found")

    def on_mount(self) -> None:
        """All of it."""
        self._search("")
        self.query_one(Input).focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """What fits."""
        self._search(event.value)

    def _search(self, text: str) -> None:
        words = text.casefold().split()
        self._found = [
            action
            for action in self._actions
            if all(word in f"{action.name} {action.help} {action.scope} {action.command}".casefold() for word in words)
        ]
        table = self.query_one(Table)
        table.source = Rows(
            [
                (
                    Cell(" ".join(map(key_word, action.keys[:2])), "acting"),
                    Cell(action.name),
                    Cell(action.scope, "quiet"),
                    Cell(action.help, "" if action.scope in {self._scope, "everywhere"} else "quiet"),
                )
                for action in self._found
            ]
        )
        table.cursor = 0
        table.renew()

    def on_input_submitted(self) -> None:
        """The row under the cursor."""
        self._take(self.query_one(Table).cursor)

    def on_table_opened(self, event: Table.Opened) -> None:
        """The row that was opened."""
        self._take(event.index)

    def on_key(self, event: object) -> None:
        """Arrows move in the list while the search field has the focus."""
        key = getattr(event, "key", "")
        table = self.query_one(Table)
        if key in {"down", "up", "pagedown", "pageup"} and not table.has_focus:
            table.action_do(f"table.{ {'down': 'down', 'up': 'up', 'pagedown': 'page_down', 'pageup': 'page_up'}[key] }")

    def _take(self, index: int) -> None:
        action = self._found[index] if index < len(self._found) else None
        doable = action is not None and action.scope in {self._scope, "everywhere"} and action.palette
        self.dismiss(action.id if action is not None and doable else None)
