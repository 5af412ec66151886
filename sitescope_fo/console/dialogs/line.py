"""One line of text, asked for."""

from __future__ import annotations

from collections.abc import Callable

from textual.app import ComposeResult
from textual.widgets import Input, Label

from sitescope_fo.console.dialogs.dialog import Dialog
from sitescope_fo.model.errors import SiteScopeError


class AskLine(Dialog[str]):
    """Ends with what was typed, None when nothing was. `check` raises SiteScopeError for what does not do."""

    def __init__(self, heading: str, label: str, *, value: str = "", check: Callable[[str], object] | None = None) -> None:
        super().__init__()
        self.heading = heading
        self._label, self._value, self._check = label, value, check

    def compose_body(self) -> ComposeResult:
        """A label and a field."""
        yield Label(self._label, markup=False)
        yield Input(self._value, id="line", compact=True)

    def on_mount(self) -> None:
        """The field has the keys."""
        self.query_one(Input).focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter ends it, when it does."""
        try:
            if self._check is not None:
                self._check(event.value)
        except SiteScopeError as error:
            self.trouble(f"{error.what}. {error.hint}")
            return
        self.dismiss(event.value)
