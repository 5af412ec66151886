"""Before a dangerous action: what it does, to whom, and what follows. Focus is on Cancel; typing the name arms the button."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.widgets import Button, Input, Label, Static

from sitescope_fo.console.dialogs.dialog import Dialog


class Confirm(Dialog[bool]):
    """Ends with True when it was confirmed. `word`: what has to be typed; "" = the button is enough."""

    danger: ClassVar[bool] = True

    def __init__(self, heading: str, text: str, *, verb: str, word: str = "") -> None:
        super().__init__()
        self.heading = heading
        self._text, self._verb, self._word = text, verb, word

    def compose_body(self) -> ComposeResult:
        """The facts, and where the word goes."""
        yield Static(self._text, id="text", markup=False)
        if self._word:
            yield Label(f"Type {self._word} to arm the button:", markup=False)
            yield Input(id="word", compact=True)

    def buttons(self) -> tuple[tuple[str, str, bool], ...]:
        """Cancel comes first."""
        return (("cancel", "Cancel", False), ("go", self._verb, True))

    def on_mount(self) -> None:
        """Nothing is armed."""
        self.query_one("#go", Button).disabled = bool(self._word)
        self.query_one("#cancel", Button).focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Arms the button."""
        self.query_one("#go", Button).disabled = event.value.strip() != self._word

    def on_input_submitted(self) -> None:
        """Enter in the field presses the armed button."""
        if not self.query_one("#go", Button).disabled:
            self.do_go()

    def do_cancel(self) -> None:
        """Nothing is changed."""
        self.dismiss(False)

    def do_go(self) -> None:
        """Confirmed."""
        self.dismiss(True)
