"""Yes or no, as `[x] yes`: readable without colour, in any font."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding
from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget


class Toggle(Widget, can_focus=True):
    """Space or a click turns it."""

    BINDINGS: ClassVar = [Binding("space", "turn", "Turn", show=False)]
    value: reactive[bool] = reactive(default=False)

    def __init__(self, value: bool, *, id: str | None = None) -> None:  # noqa: FBT001, A002  # as the toolkit's own
        super().__init__(id=id)
        self.value = value

    def render(self) -> Content:
        """The box and the word."""
        return Content("[x] yes" if self.value else "[ ] no")

    def action_turn(self) -> None:
        """The other one."""
        self.value = not self.value

    def on_click(self) -> None:
        """The other one."""
        self.action_turn()
