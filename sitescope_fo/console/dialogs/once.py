"""A secret that is shown this once: a new token, a generated password."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.widgets import Button, Static

from sitescope_fo.console.dialogs.dialog import Dialog


class ShowOnce(Dialog[None]):
    """Stays until it is closed; Copy gives the secret to the terminal's clipboard."""

    def __init__(self, heading: str, text: str, secret: str) -> None:
        super().__init__()
        self.heading = heading
        self._text, self._secret = text, secret

    def compose_body(self) -> ComposeResult:
        """The secret on a line of its own, and what to do with it."""
        yield Static(self._secret, id="secret", markup=False)
        yield Static(self._text, id="text", markup=False)

    def buttons(self) -> tuple[tuple[str, str, bool], ...]:
        """Copy and close."""
        return (("copy", "Copy", False), ("cancel", "Close", False))

    def on_mount(self) -> None:
        """Enter copies."""
        self.query_one("#copy", Button).focus()

    def do_copy(self) -> None:
        """To the clipboard, by OSC 52."""
        self.app.copy_to_clipboard(self._secret)
        self.notify("Copied")
