"""The plot of a monitor's past, drawn anew when it or the room for it changes."""

from __future__ import annotations

from textual import events
from textual.content import Content
from textual.widget import Widget

from sitescope_fo.console.view.plot import plot
from sitescope_fo.console.view.said import Wording
from sitescope_fo.console.widgets.bars import content_of
from sitescope_fo.model.record import MonitorHistory


class Plot(Widget):
    """Shows `MonitorHistory`, or a word while there is none."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._history: MonitorHistory | None = None
        self._wording = Wording()
        self._word = ""
        self._made: tuple[object, Content] | None = None

    def show(self, history: MonitorHistory | None, wording: Wording, word: str = "") -> None:
        """What it shows from now on."""
        if (history, wording, word) != (self._history, self._wording, self._word):
            self._history, self._wording, self._word = history, wording, word
            self._made = None
            self.refresh()

    def on_resize(self, event: events.Resize) -> None:
        """Another size, another picture."""
        self._made = None

    def render(self) -> Content:
        """The picture, kept until something changes."""
        width, height = self.content_size
        mark = (width, height, self.app.theme)
        if self._made is None or self._made[0] != mark:
            if self._history is None:
                text = Content(self._word)
            else:
                text = Content("\n").join(content_of(line) for line in plot(self._history, width, height, self._wording))
            self._made = mark, text
        return self._made[1]
