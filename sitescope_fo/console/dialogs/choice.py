"""One of a few."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from textual.app import ComposeResult
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from sitescope_fo.console.dialogs.dialog import Dialog


class Choice(Dialog[str]):
    """Ends with the name chosen, None when nothing was. `tried` hears of each name the cursor comes to."""

    def __init__(
        self,
        heading: str,
        names: Sequence[str],
        *,
        current: str = "",
        words: Mapping[str, str] | None = None,
        tried: Callable[[str], None] | None = None,
    ) -> None:
        super().__init__()
        self.heading = heading
        self._names = tuple(names)
        self._current = current
        self._words = words or {}
        self._tried = tried

    def compose_body(self) -> ComposeResult:
        """The list."""
        yield OptionList(
            *(Option(self._words.get(name, name), id=f"option-{at}") for at, name in enumerate(self._names)), markup=False
        )

    def on_mount(self) -> None:
        """The cursor stands on the current one."""
        options = self.query_one(OptionList)
        options.highlighted = self._names.index(self._current) if self._current in self._names else 0
        options.focus()

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Shows what it would be like."""
        if self._tried is not None:
            self._tried(self._names[event.option_index])

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Taken."""
        self.dismiss(self._names[event.option_index])
