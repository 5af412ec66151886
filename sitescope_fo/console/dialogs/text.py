"""Text that is too long for its line, in full."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static

from sitescope_fo.console.dialogs.dialog import Dialog


class ShowText(Dialog[None]):
    """Scrolls; Esc ends it."""

    def __init__(self, heading: str, text: str) -> None:
        super().__init__()
        self.heading = heading
        self._text = text

    def compose_body(self) -> ComposeResult:
        """The text."""
        with VerticalScroll(id="long"):
            yield Static(self._text, markup=False)

    def on_mount(self) -> None:
        """Keys scroll."""
        self.query_one("#long").focus()

    def buttons(self) -> tuple[tuple[str, str, bool], ...]:
        """One way out."""
        return (("cancel", "Close", False),)
