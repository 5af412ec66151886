"""The last lines of `high_availability.log` below a page that has room for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual.content import Content
from textual.widgets import Static

from sitescope_fo.console.view.said import Cell
from sitescope_fo.console.view.tail import tail_lines
from sitescope_fo.console.widgets.bars import content_of, say
from sitescope_fo.model.errors import SiteScopeError
from sitescope_fo.model.width import clean

if TYPE_CHECKING:
    from sitescope_fo.console.page import Page

EVERY_S = 2.0


class LogTail(Static):
    """Asks for as many lines as it shows, every two seconds at most, and only while it is seen."""

    _asked_at = float("-inf")

    @property
    def page(self) -> Page:
        """Where it stands."""
        return cast("Page", self.screen)

    def on_resize(self) -> None:
        """Room for other lines."""
        self._asked_at = float("-inf")
        self.follow()

    def follow(self) -> None:
        """To be called with all news."""
        now = self.page.feed.steady()
        if self.content_size.height and now - self._asked_at >= EVERY_S:
            self._asked_at = now
            self.run_worker(self._ask(), exclusive=True)

    async def _ask(self) -> None:
        page, (width, height) = self.page, self.content_size
        try:
            answer = await page.console.client.query("log", {"name": "high_availability", "lines": str(height)})
        except SiteScopeError as error:
            say(self, content_of([Cell(clean(f"The log cannot be read: {error.what}"), "quiet")]))
            return
        lines = tail_lines(answer["lines"], height, width, page.wording, page.console.now())
        say(self, Content("\n").join(content_of(line) for line in lines))
