"""What all dialogs have in common: a frame with a title, Esc as a way out, and errors that stay until they are mended."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, TypeVar, cast

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Static

from sitescope_fo.console.keys import bindings_of

if TYPE_CHECKING:
    from sitescope_fo.console.app import Console

R = TypeVar("R")


class Dialog(ModalScreen[R]):
    """Sub-classes yield their body in `compose_body` and their buttons in `buttons` as (id, label, dangerous)."""

    heading: str = ""
    danger: ClassVar[bool] = False
    BINDINGS = bindings_of("dialog")

    @property
    def console(self) -> Console:
        """The app."""
        return cast("Console", self.app)

    def compose(self) -> ComposeResult:
        """The frame."""
        with Vertical(id="dialog") as box:
            box.border_title = self.heading
            yield from self.compose_body()
            yield Static("", id="trouble", markup=False)
            with Horizontal(id="buttons"):
                for name, label, dangerous in self.buttons():
                    yield Button(label, id=name, variant="error" if dangerous else "default", compact=True)
        self.set_class(self.danger, "-danger")

    def compose_body(self) -> ComposeResult:
        """What the dialog is about."""
        return iter(())

    def buttons(self) -> tuple[tuple[str, str, bool], ...]:
        """(id, label, dangerous) of each."""
        return (("cancel", "Cancel", False),)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Calls `do_ID`."""
        event.stop()
        self.action_do(f"dialog.{event.button.id}")

    def action_do(self, action_id: str) -> None:
        """Carries out one of the `dialog` actions, or a button."""
        done = getattr(self, f"do_{action_id.partition('.')[2]}", None)
        if done is not None:
            self.call_later(done)

    def do_cancel(self) -> None:
        """Nothing is changed."""
        self.dismiss(None)

    def trouble(self, text: str) -> None:
        """Shows what is wrong; "" = nothing is."""
        self.query_one("#trouble", Static).update(text)
